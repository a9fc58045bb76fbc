/* names.c - names and times out of certificates. A peer chose them, so only printable ASCII gets through, without
 * quotes and backslashes, and never more than fits. */
#include "tls/internal.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* Appends at *at, always leaving room for a NUL; too long a text is cut. */
static void put_clean(char *out, size_t size, size_t *at, const unsigned char *p, size_t n) {
  for (size_t i = 0; i < n && *at + 1 < size; i++) {
    bool printable = p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\';
    out[(*at)++] = printable ? (char)p[i] : '?';
  }
  out[*at] = '\0';
}

static void put_text(char *out, size_t size, size_t *at, const char *text) {
  size_t n = strlen(text), room = size - *at - 1;
  if (n > room) n = room;
  memcpy(out + *at, text, n);
  *at += n;
  out[*at] = '\0';
}

static const ASN1_STRING *name_part(const X509_NAME *name, int nid) {
  int i = X509_NAME_get_index_by_NID(name, nid, -1);
  return i < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
}

static void put_asn1(char *out, size_t size, size_t *at, const ASN1_STRING *s) {
  unsigned char *utf8 = NULL;
  int n = ASN1_STRING_to_UTF8(&utf8, s);

  if (n > 0) put_clean(out, size, at, utf8, (size_t)n);
  OPENSSL_free(utf8);
}

void tls_name_print(const X509_NAME *name, char out[TLS_NAME_SIZE]) {
  const ASN1_STRING *part = name_part(name, NID_commonName);
  size_t at = 0;

  out[0] = '\0';
  if (!part) part = name_part(name, NID_organizationalUnitName);
  if (!part) part = name_part(name, NID_organizationName);
  if (part) put_asn1(out, TLS_NAME_SIZE, &at, part);
  if (at == 0) put_text(out, TLS_NAME_SIZE, &at, "(no name)");
}

static void put_address(char *out, size_t size, size_t *at, const ASN1_OCTET_STRING *address) {
  const unsigned char *p = ASN1_STRING_get0_data(address);
  char text[64] = "?";
  size_t used = 0;

  if (ASN1_STRING_length(address) == 4) (void)snprintf(text, sizeof text, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
  if (ASN1_STRING_length(address) == 16)
    for (size_t i = 0; i < 16; i += 2)
      used += (size_t)snprintf(text + used, sizeof text - used, "%s%x", i ? ":" : "", p[i] << 8 | p[i + 1]);
  put_text(out, size, at, text);
}

static bool is_name(const GENERAL_NAME *name) { return name->type == GEN_DNS || name->type == GEN_IPADD; }

static void put_san(char *out, size_t size, size_t *at, const GENERAL_NAME *name) {
  put_text(out, size, at, *at ? ", \"" : "\"");
  if (name->type == GEN_IPADD)
    put_address(out, size, at, name->d.iPAddress);
  else
    put_clean(out, size, at, ASN1_STRING_get0_data(name->d.dNSName), (size_t)ASN1_STRING_length(name->d.dNSName));
  put_text(out, size, at, "\"");
}

static void print_sans(const GENERAL_NAMES *sans, char *out, size_t size) {
  enum { SHOWN_MAX = 3, RESERVE = 32 };
  int shown = 0, hidden = 0;
  size_t at = 0;

  for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(sans, i);
    if (!is_name(name)) continue;
    if (shown < SHOWN_MAX && at + RESERVE < size) {
      put_san(out, size - RESERVE, &at, name);
      shown++;
    } else {
      hidden++;
    }
  }
  if (hidden) {
    char more[RESERVE];
    (void)snprintf(more, sizeof more, " and %d more", hidden);
    put_text(out, size, &at, more);
  }
}

void tls_cert_names_print(const X509 *cert, char *out, size_t size) {
  GENERAL_NAMES *sans = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

  out[0] = '\0';
  if (sans) print_sans(sans, out, size);
  GENERAL_NAMES_free(sans);
  if (!*out) {
    char subject[TLS_NAME_SIZE];
    tls_name_print(X509_get_subject_name(cert), subject);
    (void)snprintf(out, size, "\"%s\"", subject);
  }
}

bool tls_cert_has_ip_san(const X509 *cert) {
  GENERAL_NAMES *sans = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
  bool found = false;

  for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++)
    if (sk_GENERAL_NAME_value(sans, i)->type == GEN_IPADD) found = true;
  GENERAL_NAMES_free(sans);
  return found;
}

/* Without ASN1_TIME_print(), which abbreviates months. */
void tls_time_print(const ASN1_TIME *time, char out[32]) {
  struct tm tm;

  if (time && ASN1_TIME_to_tm(time, &tm))
    (void)snprintf(out, 32, "%04d-%02d-%02d %02d:%02d UTC", (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100,
                   tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100);
  else
    (void)snprintf(out, 32, "an unreadable date");
}
