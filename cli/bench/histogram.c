#include "bench/histogram.h"

enum { SUB = 1 << HISTOGRAM_SUB_BITS };

size_t histogram_bucket(uint64_t value) {
  unsigned bits, shift;

  if (value < 2 * SUB) return (size_t)value;
  bits = 64 - (unsigned)__builtin_clzll(value);
  if (bits > HISTOGRAM_MAX_BITS) return HISTOGRAM_BUCKETS - 1;
  shift = bits - HISTOGRAM_SUB_BITS - 1;
  return (size_t)shift * SUB + (size_t)(value >> shift);
}

uint64_t histogram_floor(size_t bucket) {
  size_t shift = bucket / SUB;

  if (shift < 2) return bucket;
  return (uint64_t)(SUB + bucket % SUB) << (shift - 1);
}

void histogram_add(struct histogram *h, uint64_t value) {
  if (h->count == 0 || value < h->min) h->min = value;
  if (value > h->max) h->max = value;
  h->count++;
  h->sum += value;
  h->buckets[histogram_bucket(value)]++;
}

static uint64_t rank_of(const struct histogram *h, double per_cent) {
  double exact = per_cent / 100 * (double)h->count;
  uint64_t rank = exact > 0 ? (uint64_t)exact : 0;

  if ((double)rank < exact) rank++;
  if (rank < 1) return 1;
  return rank < h->count ? rank : h->count;
}

uint64_t histogram_percentile(const struct histogram *h, double per_cent) {
  uint64_t rank, seen = 0, top;
  size_t i = 0;

  if (h->count == 0) return 0;
  rank = rank_of(h, per_cent);
  while ((seen += h->buckets[i]) < rank) i++;
  top = i + 1 < HISTOGRAM_BUCKETS ? histogram_floor(i + 1) - 1 : h->max;
  return top < h->max ? top : h->max;
}

double histogram_mean(const struct histogram *h) { return h->count ? (double)h->sum / (double)h->count : 0; }
