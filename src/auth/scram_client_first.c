/* client-first-message = gs2-header "n=,r=" nonce (RFC 5802, section 7) */
#include "auth/scram_steps.h"

static int write(struct scram *s, struct buf *out, struct fault *f) {
  buf_put_str(&s->transcript, "n=,r=");
  buf_put(&s->transcript, s->nonce, sizeof s->nonce);
  if (!buf_ok(&s->transcript)) return fault_set(f, s->transcript.error, "out of memory");
  buf_put_str(out, scram_gs2_header(s));
  buf_put(out, s->transcript.data, s->transcript.len);
  return 0;
}

int scram_client_first(struct scram *s, struct buf *out, struct fault *f) {
  int rc = scram_expect(s, SCRAM_BEGUN, "client-first-message", f);
  if (!rc) rc = write(s, out, f);
  return scram_settle(s, rc, SCRAM_FIRST_SENT);
}
