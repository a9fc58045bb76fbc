/* interval_scan.h - the text forms of intervals, one function per IntervalStyle (EncodeInterval in
 * src/backend/utils/adt/datetime.c). They add to a sum and fail on anything that is not the style's. */
#ifndef DSQL_WIRE_CODEC_INTERVAL_SCAN_H
#define DSQL_WIRE_CODEC_INTERVAL_SCAN_H

#include <stdbool.h>

#include "dsql/dsql.h"
#include "wire/codec/scan.h"

enum interval_part { INTERVAL_MONTHS, INTERVAL_DAYS, INTERVAL_US };

struct interval_sum {
  int64_t parts[INTERVAL_US + 1];
  bool over; /* one of them went out of int64 */
};

bool interval_scan_postgres(struct scan *s, struct interval_sum *sum); /* and postgres_verbose */
bool interval_scan_iso(struct scan *s, struct interval_sum *sum);
bool interval_scan_sql(struct scan *s, struct interval_sum *sum);

#endif
