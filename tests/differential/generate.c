#include "generate.h"

#include <string.h>

/* The first group are the inputs of libpq's own test of its URL parser, t/001_uri.pl. */
const char *const generate_seeds[] = {
    "postgresql://uri-user:secret@host:12345/db",
    "postgresql://uri-user@host:12345/db",
    "postgresql://uri-user@host/db",
    "postgresql://host:12345/db",
    "postgresql://host/db",
    "postgresql://uri-user@host:12345/",
    "postgresql://uri-user@host/",
    "postgresql://uri-user@",
    "postgresql://host:12345/",
    "postgresql://host:12345",
    "postgresql://host/",
    "postgresql://host",
    "postgresql://",
    "postgresql://?hostaddr=127.0.0.1",
    "postgresql://example.com?hostaddr=63.1.2.4",
    "postgresql://%68ost/",
    "postgresql://host/db?user=uri-user",
    "postgresql://host/db?user=uri-user&port=12345",
    "postgresql://host/db?u%73er=someotheruser&port=12345",
    "postgresql://host/db?u%7aer=someotheruser&port=12345",
    "postgresql://host:12345?user=uri-user",
    "postgresql://host?user=uri-user",
    "postgresql://host?",
    "postgresql://[::1]:12345/db",
    "postgresql://[::1]/db",
    "postgresql://[2001:db8::1234]/",
    "postgresql://[200z:db8::1234]/",
    "postgresql://[::1]",
    "postgres://",
    "postgres:///",
    "postgres:///db",
    "postgres://uri-user@/db",
    "postgres://?host=/path/to/socket/dir",
    "postgresql://host?uzer=",
    "postgre://",
    "postgres://[::1",
    "postgres://[]",
    "postgres://[::1]z",
    "postgresql://host?zzz",
    "postgresql://host?value1&value2",
    "postgresql://host?key=key=value",
    "postgres://host?dbname=%XXfoo",
    "postgresql://a%00b",
    "postgresql://%zz",
    "postgresql://%1",
    "postgresql://%",
    "postgres://@host",
    "postgres://host:/",
    "postgres://:12345/",
    "postgres://otheruser@?host=/no/such/directory",
    "postgres://otheruser@/?host=/no/such/directory",
    "postgres://otheruser@:12345?host=/no/such/socket/path",
    "postgres://otheruser@:12345/db?host=/path/to/socket",
    "postgres://:12345/db?host=/path/to/socket",
    "postgres://:12345?host=/path/to/socket",
    "postgres://%2Fvar%2Flib%2Fpostgresql/dbname",
    "postgresql://host?sslmode=disable",
    "postgresql://host?sslmode=verify-full",

    "",
    "   ",
    "postgres://u:p@a:1,b:2,c/d?target_session_attrs=any&load_balance_hosts=random",
    "postgres://u:p@a,,c:3/d",
    "postgres://[::1]:5,[fe80::1%25eth0]:6/d",
    "postgres://u%3A:p%40ss%2F@h/%64b?application_name=a+b%20c",
    "postgres://u:p@ss@h/d?x@y",
    "postgres://u:pa/ss@h/d",
    "postgres://h/d?ssl=true",
    "postgres://h/d?ssl=false",
    "postgres://h/d?requiressl=1&requiressl=0",
    "postgres://h/d?sslmode=require&sslmode=prefer&",
    "postgres:// h / d ?user= u & password=p ",
    "postgres://h:80%2C81/d?options=-c%20geqo%3Doff",
    "host=localhost port=5432 dbname=mydb connect_timeout=10",
    "user=joe password='it\\'s secret' host=/tmp",
    "user = joe   host= db",
    "user=a\\ b\\\\c dbname=''",
    "host='a'port='1'",
    "requiressl=1 user=x",
    "user=x user=y",
    "password='unterminated",
    "password=trailing\\",
    "=x",
    "user",
    "user joe",
    "options='-c geqo=off' application_name='\tx\n'",
    "sslmode=verify-full sslrootcert=system sslcert=a sslkey=b sslpassword=c sslcrl=d sslcrldir=e sslsni=0",
    "service=s passfile=p hostaddr=::1 client_encoding=utf8 fallback_application_name=f replication=database",
    "keepalives=1 keepalives_idle=2 keepalives_interval=3 keepalives_count=4 tcp_user_timeout=5",
    "gssencmode=disable krbsrvname=k gsslib=g requirepeer=p channel_binding=require sslcompression=1",
    "ssl_min_protocol_version=TLSv1.2 ssl_max_protocol_version=TLSv1.3 target_session_attrs=primary",
    "require_auth=scram-sha-256 sslcertmode=disable sslnegotiation=direct gssdelegation=1 load_balance_hosts=random",
    "min_protocol_version=3.0 max_protocol_version=latest scram_client_key=a scram_server_key=b sslkeylogfile=c",
    "oauth_issuer=a oauth_client_id=b oauth_client_secret=c oauth_scope=d",
};
const size_t generate_seed_count = sizeof generate_seeds / sizeof generate_seeds[0];

static const char *const tokens[] = {
    "%",
    "%4",
    "%41",
    "%00",
    "%2f",
    "%2C",
    "%zz",
    "%20",
    "'",
    "\\",
    "\\'",
    "=",
    "&",
    "?",
    "@",
    ":",
    "/",
    ",",
    "[",
    "]",
    " ",
    "\t",
    "\n",
    "\v",
    "+",
    "#",
    ";",
    "\"",
    "postgres://",
    "://",
    "[::1]",
    "&user=",
    "?user=x",
    " user=",
    "ssl=true",
    "&ssl=true",
    "requiressl=1",
    "user=",
    "password=",
    "'a b'",
    "\xc3\xa9",
    "\xff",
    "\x01",
    "\x7f",
};

static uint64_t next(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t n) { return (size_t)(next(state) % n); }

static void insert(char *text, size_t at, const char *piece, size_t n) {
  size_t len = strlen(text);

  if (len + n >= GENERATE_MAX) return;
  memmove(text + at + n, text + at, len - at + 1);
  memcpy(text + at, piece, n);
}

static void drop(char *text, size_t at, size_t n) { memmove(text + at, text + at + n, strlen(text + at + n) + 1); }

static void mutate(uint64_t *state, char *text) {
  size_t len = strlen(text), at = below(state, len + 1), n = len - at ? 1 + below(state, len - at) : 0;
  const char *other = generate_seeds[below(state, generate_seed_count)];
  const char *token = tokens[below(state, sizeof tokens / sizeof tokens[0])];
  char piece[GENERATE_MAX];

  if (n > 8) n = 8;
  switch (below(state, 8)) {
    case 0: drop(text, at, n); break;
    case 1:
      if (at < len) text[at] = (char)(1 + below(state, 255));
      break;
    case 2:
      memcpy(piece, text + at, n);
      insert(text, below(state, len + 1), piece, n);
      break;
    case 3:
      at = below(state, strlen(other) + 1);
      insert(text, len, other + at, strlen(other + at));
      break;
    default: insert(text, at, token, strlen(token)); break;
  }
}

void generate_conninfo(uint64_t seed, uint64_t index, char out[GENERATE_MAX]) {
  uint64_t state = seed * UINT64_C(0xD1342543DE82EF95) + index;
  size_t rounds;
  const char *first;

  first = generate_seeds[below(&state, generate_seed_count)];
  memcpy(out, first, strlen(first) + 1);
  rounds = below(&state, 6);
  for (size_t i = 0; i < rounds; i++) mutate(&state, out);
}
