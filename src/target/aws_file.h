/* aws_file.h - the text of one of AWS's shared files, read into profiles; see aws_profile.h. The grammar is that of the
 * SDKs (aws-sdk-java-v2's ProfileFileReader, aws-c-sdkutils's aws_profile.c), and of botocore where they are stricter:
 *
 *   config:       [default] [profile NAME] [sso-session NAME] [services NAME]       credentials: [NAME]
 *   name = value
 *     more          a line that is indented deeper than its property goes on with its value, or, when that was empty, is
 *                   a setting of its own: "sts =" and below it "  endpoint_url = ..."
 *
 * '#' and ';' begin a comment at the start of a line, behind "]", and behind white space in a value. Names of settings
 * have no case. A name with spaces stands in quotes, in the credentials file it needs none. Sections of other kinds and
 * with other names are skipped, with all that is in them. A section that is there twice is one; of a setting that is
 * there twice the last counts; an empty value is none. In the config file [profile default] replaces [default]. A byte
 * order mark and CR LF are accepted, a NUL byte is not.
 *
 * An ini library was tried and is not used: with inih 55 as Debian builds it lines are split at 199 bytes without an
 * error, and session tokens have thousands. */
#ifndef DSQL_TARGET_AWS_FILE_H
#define DSQL_TARGET_AWS_FILE_H

#include "target/aws_profile.h"

enum aws_file_kind { AWS_FILE_CONFIG, AWS_FILE_CREDENTIALS };

/* Adds to files; a value replaces the one that is there. path is for errors. EINVAL, ENOMEM. */
int aws_file_parse(struct aws_files *files, enum aws_file_kind kind, const char *path, const char *text, size_t n,
                   struct fault *f);
/* Cleanses and frees the values. */
void aws_profile_clear(const struct aws_files *files, struct aws_profile *p);

#endif
