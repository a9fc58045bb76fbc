/* table */
#include "grid.h"

#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})

#define INTEGERS                                                                                                       \
  VALUES("", "0", "1", "2", "-1", "+5", " 7 ", "\t3\n", "010", "x", "7x", "1.5", "0x10", "1 2", "--1", "+", "- 1",     \
         "32767", "32768", "2147483647", "2147483648", "-2147483648", "-2147483649", "99999999999999999999")
#define PORTS                                                                                                          \
  VALUES("", "%P", " %P ", "+%P", "0%P", "%P,%P", "%P,%P,%P", "%P,", ",", "0", "-1", "65535", "65536", "2147483648",   \
         "x", "%Px", "%P,x", "x,%P", "%P,0", " ", "%P %P", "0x1F", "1.0", "99999999999999999999")
#define HOSTS                                                                                                          \
  VALUES("", "/nonexistent", "@nonexistent", "/nonexistent,/nonexistent", "/nonexistent,@nonexistent,/x",              \
         "127.0.13.77", "localhost", "localhost,localhost", "/nonexistent,127.0.13.77", "127.0.13.77,/nonexistent",    \
         "::1",                                                                                                        \
         "/a-directory-with-a-long-name/a-directory-with-a-long-name/a-directory-with-a-long-name/a-directory-with",   \
         "/a-directory-with-a-long-name/a-directory-with-a-long-name/a-directory-with-a-long/xyz")
#define NAMES                                                                                                          \
  VALUES("", "db.example", "a,b", "a,b,c", "a,", ",", "with space", "/nonexistent", "a@b", "\x01", "h\xc3\xa9")
#define ADDRESSES                                                                                                      \
  VALUES("127.0.13.77", "127.0.13.77,127.0.13.78", "127.0.13.77,127.0.13.78,127.0.13.79", "::1", "127.0.13",           \
         "2130709837", "0x7f.0.13.77", "127.0.13.256", "127.0.13.77.1", " 127.0.13.77", "127.0.13.77 ", "[::1]",       \
         "::1%lo", "::1%", "::ffff:127.0.13.77", "localhost", "1::2::3", ":::", "/nonexistent", "x", "127.0.13.77,x")
#define MODES                                                                                                          \
  VALUES("", "disable", "allow", "prefer", "require", "verify-ca", "verify-full", "Prefer", "verify_full", " prefer",  \
         "bogus")
#define NEGOTIATIONS VALUES("", "postgres", "direct", "Direct", "requiredirect", "bogus")
#define ROOTS VALUES("", "system", "System", "/nonexistent", "/dev/null")
#define CERTMODES VALUES("", "disable", "allow", "require", "Require", "prefer", "bogus")
#define FILES VALUES("", "/nonexistent", "/dev/null", "relative/nonexistent")
#define TLS_VERSIONS                                                                                                   \
  VALUES("", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "tlsv1.2", "TLSV1.3", "TLSv1.0", "TLSv1.4", "SSLv3", "1.2",     \
         "TLSv1.2 ", "bogus")
#define PROTOCOLS                                                                                                      \
  VALUES("", "3.0", "3.1", "3.2", "3.3", "latest", "Latest", "3", "2.0", "4.0", "3.0 ", " 3.2", "3.9999", "bogus")
#define KEYS                                                                                                           \
  VALUES("", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",            \
         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",               \
         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",              \
         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", "AAEC!wQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AAEC",     \
         "=", "x")
#define METHODS                                                                                                        \
  VALUES("", "password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none", "!password", "!none", "password,md5", \
         "none,scram-sha-256", "!password,!md5", "password,!md5", "!password,md5", "password,password", "!none,!none", \
         "password,", ",password", ",", "password, md5", " password", "Password", "!", "!!none", "scram-sha-256-plus", \
         "creds", "bogus", "password,md5,gss,sspi,scram-sha-256,oauth,none",                                           \
         "!password,!md5,!gss,!sspi,!scram-sha-256,!oauth,!none")
#define CHANNELS VALUES("", "disable", "prefer", "require", "Require", "bogus")
#define ATTRIBUTES                                                                                                     \
  VALUES("", "any", "read-write", "read-only", "primary", "standby", "prefer-standby", "secondary", "Any",             \
         "read_only", "any ", "bogus")
#define ENCODINGS VALUES("", "utf8", "UTF8", "UTF-8", "utf-8", "unicode", "auto", "LATIN1", "SQL_ASCII", "bogus")
#define GSS_MODES VALUES("", "disable", "prefer", "require", "Prefer", "bogus")
#define FLAGS VALUES("", "0", "1", "2", "x", " 1", "true", "yes")
#define REPLICATIONS VALUES("", "false", "off", "no", "0", "true", "on", "1", "database", "bogus", "False")
#define TEXTS VALUES("", "x", "two words", "quote'd", "\\", "\xff\x01")
#define LONG_NAME "a-name-that-is-longer-than-the-sixty-three-bytes-that-the-server-would-keep"

const struct group grid_groups[] = {
    {{{"host", HOSTS}, {"port", PORTS}}},
    {{{"hostaddr", ADDRESSES}, {"host", NAMES}, {"port", VALUES("%P", "%P,%P", "%P,%P,%P", "", "0")}}},
    {{{"hostaddr", ADDRESSES}, {"port", PORTS}}},
    {{{"sslmode", MODES}, {"sslnegotiation", NEGOTIATIONS}, {"sslrootcert", ROOTS}}},
    {{{"sslmode", MODES}, {"gssencmode", GSS_MODES}, {"sslnegotiation", NEGOTIATIONS}}},
    {{{"sslmode", MODES}, {"sslcertmode", CERTMODES}, {"sslcert", FILES}, {"sslkey", FILES}}},
    {{{"sslmode", MODES}, {"sslcrl", FILES}, {"sslcrldir", FILES}}},
    {{{"sslmode", MODES}, {"ssl_min_protocol_version", TLS_VERSIONS}, {"ssl_max_protocol_version", TLS_VERSIONS}}},
    {{{"min_protocol_version", PROTOCOLS}, {"max_protocol_version", PROTOCOLS}}},
    {{{"scram_client_key", KEYS}, {"scram_server_key", KEYS}, {"require_auth", VALUES("scram-sha-256", "!none")}}},
    {{{"require_auth", METHODS}, {"channel_binding", CHANNELS}, {"password", TEXTS}}},
    {{{"keepalives", INTEGERS}, {"keepalives_idle", INTEGERS}}},
    {{{"keepalives", VALUES("0", "x")}, {"keepalives_interval", INTEGERS}, {"keepalives_count", VALUES("1", "x")}}},
    {{{"keepalives_count", INTEGERS}, {"tcp_user_timeout", INTEGERS}}},
    {{{"connect_timeout", INTEGERS}, {"keepalives_interval", VALUES("1", "x", "")}}},
    {{{"target_session_attrs", ATTRIBUTES}, {"load_balance_hosts", VALUES("", "disable", "random", "Random", "x")}}},
};
const size_t grid_group_count = sizeof grid_groups / sizeof grid_groups[0];

const struct axis grid_axes[] = {
    {"application_name", VALUES("", "x", LONG_NAME)},
    {"channel_binding", CHANNELS},
    {"client_encoding", ENCODINGS},
    {"dbname", TEXTS},
    {"fallback_application_name", VALUES("", "x", LONG_NAME)},
    {"gssdelegation", FLAGS},
    {"gssencmode", GSS_MODES},
    {"gsslib", VALUES("", "gssapi", "sspi", "bogus")},
    {"host", HOSTS},
    {"hostaddr", ADDRESSES},
    {"keepalives", INTEGERS},
    {"keepalives_count", INTEGERS},
    {"keepalives_idle", INTEGERS},
    {"keepalives_interval", INTEGERS},
    {"krbsrvname", VALUES("", "postgres", "x")},
    {"load_balance_hosts", VALUES("", "disable", "random", "Random", "bogus")},
    {"max_protocol_version", PROTOCOLS},
    {"min_protocol_version", PROTOCOLS},
    {"oauth_client_id", VALUES("", "x")},
    {"oauth_client_secret", VALUES("", "x")},
    {"oauth_issuer", VALUES("", "https://x.invalid")},
    {"oauth_scope", VALUES("", "x")},
    {"options", VALUES("", "-c geqo=off", "bogus")},
    {"passfile", FILES},
    {"password", TEXTS},
    {"port", PORTS},
    {"replication", REPLICATIONS},
    {"require_auth", METHODS},
    {"requirepeer", TEXTS},
    {"scram_client_key", KEYS},
    {"scram_server_key", KEYS},
    {"service", VALUES("", "nonexistent")},
    {"sslcert", FILES},
    {"sslcertmode", CERTMODES},
    {"sslcompression", FLAGS},
    {"sslcrl", FILES},
    {"sslcrldir", FILES},
    {"sslkey", FILES},
    {"sslkeylogfile", FILES},
    {"sslmode", MODES},
    {"sslnegotiation", NEGOTIATIONS},
    {"sslpassword", TEXTS},
    {"sslrootcert", ROOTS},
    {"sslsni", FLAGS},
    {"ssl_max_protocol_version", TLS_VERSIONS},
    {"ssl_min_protocol_version", TLS_VERSIONS},
    {"target_session_attrs", ATTRIBUTES},
    {"tcp_user_timeout", INTEGERS},
    {"user", TEXTS},
    {"connect_timeout", INTEGERS},
};
const size_t grid_axis_count = sizeof grid_axes / sizeof grid_axes[0];
