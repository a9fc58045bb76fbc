/* float_read.h - the binary float nearest to a decimal, ties to even, for the numbers that servers send. */
#ifndef DSQL_WIRE_CODEC_FLOAT_READ_H
#define DSQL_WIRE_CODEC_FLOAT_READ_H

#include <stdbool.h>
#include <stdint.h>

/* Writes the bits of digits * 10^exponent without a sign. False when this can't tell: subnormal or overflowing results
 * and exponents outside the table. */
bool float_read_double(uint64_t digits, int64_t exponent, uint64_t *bits);
bool float_read_float(uint64_t digits, int64_t exponent, uint32_t *bits);

#endif
