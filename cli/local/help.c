#include <stdio.h>

#include "local/options.h"

void local_options_help(void) {
  fputs(
      "Usage: dsql local [OPTION]...\n"
      "\n"
      "Runs an endpoint on this machine that behaves like an Aurora DSQL cluster: it wants an IAM token over verified\n"
      "TLS and applies DSQL's rules, in front of a private PostgreSQL that it starts. Prints a connection string and\n"
      "credentials. Ctrl-C stops everything and removes what it made, unless --data was given.\n"
      "\n"
      "  --port N                   listen there; 0, the default, is any free port\n"
      "  --data DIR                 keep everything in DIR; a later start goes on with it\n"
      "  --pg-bin DIR               where initdb and postgres are; else PATH and /usr/lib/postgresql/*/bin\n"
      "  --run-as USER              the private server's user when started by root (nobody)\n"
      "  --cluster-id ID            26 lower-case letters and digits; random\n"
      "  --region R                 us-east-1\n"
      "  --role NAME                a user besides admin that tokens may connect as; can be repeated\n"
      "  --access-key-id ID, --secret-access-key KEY, --session-token TOKEN\n"
      "                             the credentials that tokens must be signed with; random\n"
      "  --keys-from-env            take them from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN\n"
      "\n"
      "  --conflicts statement      a conflict with another transaction is found at the statement (default)\n"
      "  --conflicts commit         it is found at COMMIT, and on reads of overlapping keys, too\n"
      "  --occ-rate P               refuse this share of COMMITs, 0 to 1, with 40001\n"
      "  --fault SPEC               inject a fault, see docs/local.md; can be repeated\n"
      "  --seed N                   makes what is injected the same in every run\n"
      "\n"
      "  --max-connection-age S     3600       --max-rows N               3000\n"
      "  --max-connections N        10000      --max-transaction-bytes N  10485760\n"
      "  --connect-rate N           100 per s  --max-transaction-age S    300\n"
      "  --connect-burst N          1000       --max-message-bytes N      10485760\n"
      "\n"
      "  --print-env                start in the background and print export lines:\n"
      "                             eval \"$(dsql local --print-env)\"; end it with dsql local --stop\n"
      "  --stop                     end the instance of --data DIR, else of DSQL_LOCAL_PID\n"
      "  --ready-file FILE          written with the export lines when connections are accepted\n"
      "\n"
      "Exit status: 0 stopped on request, 1 failure, 2 wrong usage.\n",
      stdout);
}
