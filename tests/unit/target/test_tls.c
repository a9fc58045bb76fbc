#include <criterion/criterion.h>

#include "fake_env.h"

#define HOME "/home/os/.postgresql/"
#define H "host=a "
#define U "host=/tmp "

/* sslmode: 1 disable, 2 allow, 3 prefer, 4 require, 5 verify-ca, 6 verify-full */
static const struct fake_case bare[] = {
    {NULL, H, "sslmode", "6"},
    {NULL, H, "explicit", "0"},
    {NULL, H, "verify", "2"},
    {NULL, H, "system", "1"},
    {NULL, H, "sslrootcert", "-"},
    {NULL, U, "sslmode", "1"},
    {NULL, U, "explicit", "0"},
    {NULL, "host=@x,/tmp", "sslmode", "1"},
    {NULL, "host=/tmp,a", "sslmode", "6"},
    {NULL, U "hostaddr=::1", "sslmode", "6"},
    {NULL, U "sslmode=require", "sslmode", "4"},
    {NULL, H "sslmode=disable", "sslmode", "1"},
    {NULL, H "sslmode=disable", "explicit", "1"},
    {NULL, H "sslmode=allow", "sslmode", "2"},
    {NULL, H "sslmode=prefer", "sslmode", "3"},
    {NULL, H "sslmode=require", "sslmode", "4"},
    {NULL, H "sslmode=require", "verify", "0"},
    {NULL, H "sslmode=require", "system", "0"},
    {NULL, H "sslmode=verify-ca", "sslmode", "5"},
    {NULL, H "sslmode=verify-ca", "verify", "1"},
    {NULL, H "sslmode=verify-ca", "system", "1"},
    {"PGSSLMODE=prefer", H, "sslmode", "3"},
    {"PGSSLMODE=prefer", H, "explicit", "1"},
    {"PGSSLMODE=prefer", "postgres://h?sslmode=require", "sslmode", "4"},
    {"PGREQUIRESSL=1", H, "sslmode", "4"},
    {"PGREQUIRESSL=0", H, "sslmode", "6"},
    {"PGREQUIRESSL=1\nPGSSLMODE=allow", H, "sslmode", "2"},
    {NULL, "postgres://h?ssl=true", "sslmode", "4"},
    {NULL, H "sslmode=verify_full", NULL,
     "invalid sslmode value \"verify_full\" (connection string): must be disable, allow, prefer, require, verify-ca or "
     "verify-full"},
    {"PGSSLMODE=", H, NULL, "invalid sslmode value \"\" (environment variable PGSSLMODE)"},
    /* the trust store */
    {NULL, H "sslrootcert=system", "sslmode", "6"},
    {NULL, H "sslrootcert=system", "system", "1"},
    {NULL, H "sslrootcert=system sslmode=verify-full", "verify", "2"},
    {NULL, H "sslrootcert=system sslmode=verify-ca", NULL,
     "weak sslmode \"verify-ca\" (connection string) may not be used with sslrootcert=system (use \"verify-full\")"},
    {"PGSSLROOTCERT=system\nPGSSLMODE=prefer", H, NULL, "weak sslmode \"prefer\" (environment variable PGSSLMODE)"},
    {NULL, H "sslrootcert=/no", NULL,
     "root certificate file \"/no\" (connection string) does not exist: provide the "
     "file, use the system's trusted roots with sslrootcert=system, or change sslmode"},
    {NULL, H "sslrootcert=/no sslmode=verify-ca", NULL, "root certificate file \"/no\""},
    {NULL, H "sslrootcert=/no sslmode=require", "verify", "0"},
    {NULL, H "sslrootcert=/no sslmode=require", "sslrootcert", "-"},
    {NULL, U "sslrootcert=/no", "sslrootcert", "-"},
    {NULL, H "sslrootcert=/no sslmode=disable", "sslrootcert", "-"},
    {NULL, H "sslrootcert=/ca", "sslrootcert", "/ca"},
    {NULL, H "sslrootcert=/ca", "system", "0"},
    {NULL, H "sslrootcert=/ca", "verify", "2"},
    {NULL, H "sslrootcert=/ca sslmode=require", "verify", "1"},
    {NULL, H "sslrootcert=/ca sslmode=prefer", "verify", "1"},
    {NULL, H "sslrootcert=/ca sslmode=require", "sslmode", "4"},
    {NULL, H "sslrootcert=''", "system", "1"},
    /* negotiation */
    {NULL, H, "negotiation", "0"},
    {NULL, H "sslnegotiation=direct", "negotiation", "1"},
    {NULL, H "sslnegotiation=direct sslmode=require", "negotiation", "1"},
    {NULL, U "sslnegotiation=direct", "negotiation", "1"},
    {NULL, H "sslnegotiation=direct sslmode=prefer", NULL,
     "weak sslmode \"prefer\" (connection string) may not be used with sslnegotiation=direct (use \"require\", "
     "\"verify-ca\", or \"verify-full\")"},
    {NULL, H "sslnegotiation=requiredirect", NULL, "must be postgres or direct"},
    /* options */
    {NULL, H, "sni", "1"},
    {NULL, H "sslsni=0", "sni", "0"},
    {NULL, H "sslsni=true", NULL, "invalid sslsni value \"true\" (connection string): must be 0 or 1"},
    {NULL, H, "waits to be asked", "0"},
    {NULL, H "fast_connect=1", "waits to be asked", "0"},
    {NULL, H "fast_connect=0", "waits to be asked", "1"},
    {NULL, "postgresql://h/?fast_connect=0", "waits to be asked", "1"},
    {NULL, H "fast_connect=off", NULL, "invalid fast_connect value \"off\" (connection string): must be 0 or 1"},
    {NULL, H, "min_version", "771"},
    {NULL, H, "max_version", "0"},
    {NULL, H "ssl_min_protocol_version=TLSv1", "min_version", "771"},
    {NULL, H "ssl_min_protocol_version=tlsv1.3", "min_version", "772"},
    {NULL, H "ssl_max_protocol_version=TLSv1.2", "max_version", "771"},
    {NULL, H "ssl_min_protocol_version=''", "min_version", "771"},
    {NULL, H "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2", NULL,
     "invalid SSL protocol version range"},
    {NULL, H "ssl_max_protocol_version=TLSv1.1", NULL, "must be TLSv1.2 or TLSv1.3; older versions are not secure"},
    {NULL, H "ssl_min_protocol_version=SSLv3", NULL, "must be TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3"},
    {NULL, H "ssl_max_protocol_version=1.3", NULL, "invalid ssl_max_protocol_version value \"1.3\""},
    {NULL, H "sslkeylogfile=/k", "sslkeylogfile", "/k"},
    /* client certificates */
    {NULL, H, "certmode", "1"},
    {NULL, H "sslcertmode=require", "certmode", "2"},
    {NULL, H "sslcertmode=never", NULL, "must be disable, allow or require"},
    {NULL, H, "sslcert", "-"},
    {NULL, H "sslcert=/c sslkey=/k sslpassword=x", "sslcert", "/c"},
    {NULL, H "sslcert=/c sslkey=/k sslpassword=x", "sslkey", "/k"},
    {NULL, H "sslcert=/c sslkey=/k sslpassword=x", "sslpassword", "x"},
    {NULL, H "sslcert=/c sslkey=/k sslcertmode=disable", "sslcert", "-"},
    {NULL, H "sslcert=/c sslkey=/k sslmode=disable", "sslcert", "-"},
    {NULL, H "sslcert=/no", NULL, "sslcert file \"/no\" (connection string) does not exist; sslcertmode=disable"},
    {"PGSSLCERT=/no", H, "sslcert", "-"},
    {NULL, H "sslcert=/c", NULL, "certificate present, but not private key file: set sslkey"},
    {NULL, H "sslcert=/c sslkey=/no", NULL, "sslkey file \"/no\" (connection string) does not exist, but the client"},
    {NULL, H "sslcert=/c sslkey=/dir", NULL, "is not a regular file"},
    {NULL, H "sslcert=/c sslkey=/wide", NULL, "has group or world access"},
    {NULL, H "sslcert=/c sslkey=/root", "sslkey", "/root"},
    {NULL, H "sslcert=/c sslkey=/rootwide", NULL, "has group or world access"},
    /* revocation */
    {NULL, H, "sslcrl", "-"},
    {NULL, H "sslcrl=/l sslcrldir=/d", "sslcrl", "/l"},
    {NULL, H "sslcrl=/l sslcrldir=/d", "sslcrldir", "/d"},
    {NULL, H "sslcrl=/l sslmode=require", "sslcrl", "-"},
};

static const struct fake_case at_home[] = {
    {NULL, H, "sslrootcert", HOME "root.crt"},
    {NULL, H, "system", "0"},
    {NULL, H "sslmode=require", "verify", "1"},
    {NULL, H "sslmode=require", "sslrootcert", HOME "root.crt"},
    {NULL, H "sslmode=verify-ca", "sslrootcert", HOME "root.crt"},
    {NULL, H "sslrootcert=system", "sslrootcert", "-"},
    {NULL, H, "sslcert", HOME "postgresql.crt"},
    {NULL, H, "sslkey", HOME "postgresql.key"},
    {NULL, H "sslkey=/k", "sslkey", "/k"},
    {NULL, H, "sslcrl", HOME "root.crl"},
    {NULL, H "sslcrldir=/d", "sslcrl", "-"},
    {NULL, H "sslrootcert=system", "sslcrl", "-"},
    {NULL, U, "sslcert", "-"},
    {"HOME=/elsewhere", H, "sslrootcert", "-"},
    {"HOME=", H, "sslrootcert", HOME "root.crt"},
};

static const struct fake_file certificates[] = {
    {.path = "/ca"},
    {.path = "/c", .mode = 0644},
    {.path = "/k"},
    {.path = "/dir", .directory = true, .mode = 0700},
    {.path = "/wide", .mode = 0640},
    {.path = "/root", .mode = 0640, .root = true},
    {.path = "/rootwide", .mode = 0644, .root = true},
    {0},
};

static const struct fake_file home_files[] = {{.path = HOME "root.crt", .mode = 0644},
                                              {.path = HOME "root.crl", .mode = 0644},
                                              {.path = HOME "postgresql.crt", .mode = 0644},
                                              {.path = HOME "postgresql.key"},
                                              {.path = "/k"},
                                              {0}};

Test(tls, without_home) {
  struct fake_env e;
  fake_env_init(&e);
  e.home = NULL;
  e.files = certificates;
  fake_run(&e, bare, sizeof bare / sizeof bare[0]);
}

Test(tls, files_at_home) {
  struct fake_env e;
  fake_env_init(&e);
  e.files = home_files;
  fake_run(&e, at_home, sizeof at_home / sizeof at_home[0]);
}
