/* table: the server's own containers, from pg_type.dat and pg_range.dat */
#include "wire/codec/container.h"

/* Sorted by oid. */
static const struct container containers[] = {
    {143, 142, CONTAINER_ARRAY},        /* xml[] */
    {199, 114, CONTAINER_ARRAY},        /* json[] */
    {271, 5069, CONTAINER_ARRAY},       /* xid8[] */
    {629, 628, CONTAINER_ARRAY},        /* line[] */
    {651, 650, CONTAINER_ARRAY},        /* cidr[] */
    {719, 718, CONTAINER_ARRAY},        /* circle[] */
    {775, 774, CONTAINER_ARRAY},        /* macaddr8[] */
    {791, 790, CONTAINER_ARRAY},        /* money[] */
    {1000, 16, CONTAINER_ARRAY},        /* bool[] */
    {1001, 17, CONTAINER_ARRAY},        /* bytea[] */
    {1002, 18, CONTAINER_ARRAY},        /* char[] */
    {1003, 19, CONTAINER_ARRAY},        /* name[] */
    {1005, 21, CONTAINER_ARRAY},        /* int2[] */
    {1006, 22, CONTAINER_ARRAY},        /* int2vector[] */
    {1007, 23, CONTAINER_ARRAY},        /* int4[] */
    {1009, 25, CONTAINER_ARRAY},        /* text[] */
    {1010, 27, CONTAINER_ARRAY},        /* tid[] */
    {1011, 28, CONTAINER_ARRAY},        /* xid[] */
    {1012, 29, CONTAINER_ARRAY},        /* cid[] */
    {1013, 30, CONTAINER_ARRAY},        /* oidvector[] */
    {1014, 1042, CONTAINER_ARRAY},      /* bpchar[] */
    {1015, 1043, CONTAINER_ARRAY},      /* varchar[] */
    {1016, 20, CONTAINER_ARRAY},        /* int8[] */
    {1017, 600, CONTAINER_ARRAY},       /* point[] */
    {1018, 601, CONTAINER_ARRAY},       /* lseg[] */
    {1019, 602, CONTAINER_ARRAY},       /* path[] */
    {1020, 603, CONTAINER_ARRAY},       /* box[] */
    {1021, 700, CONTAINER_ARRAY},       /* float4[] */
    {1022, 701, CONTAINER_ARRAY},       /* float8[] */
    {1027, 604, CONTAINER_ARRAY},       /* polygon[] */
    {1028, 26, CONTAINER_ARRAY},        /* oid[] */
    {1034, 1033, CONTAINER_ARRAY},      /* aclitem[] */
    {1040, 829, CONTAINER_ARRAY},       /* macaddr[] */
    {1041, 869, CONTAINER_ARRAY},       /* inet[] */
    {1115, 1114, CONTAINER_ARRAY},      /* timestamp[] */
    {1182, 1082, CONTAINER_ARRAY},      /* date[] */
    {1183, 1083, CONTAINER_ARRAY},      /* time[] */
    {1185, 1184, CONTAINER_ARRAY},      /* timestamptz[] */
    {1187, 1186, CONTAINER_ARRAY},      /* interval[] */
    {1231, 1700, CONTAINER_ARRAY},      /* numeric[] */
    {1270, 1266, CONTAINER_ARRAY},      /* timetz[] */
    {1561, 1560, CONTAINER_ARRAY},      /* bit[] */
    {1563, 1562, CONTAINER_ARRAY},      /* varbit[] */
    {2201, 1790, CONTAINER_ARRAY},      /* refcursor[] */
    {2949, 2970, CONTAINER_ARRAY},      /* txid_snapshot[] */
    {2951, 2950, CONTAINER_ARRAY},      /* uuid[] */
    {3221, 3220, CONTAINER_ARRAY},      /* pg_lsn[] */
    {3643, 3614, CONTAINER_ARRAY},      /* tsvector[] */
    {3644, 3642, CONTAINER_ARRAY},      /* gtsvector[] */
    {3645, 3615, CONTAINER_ARRAY},      /* tsquery[] */
    {3807, 3802, CONTAINER_ARRAY},      /* jsonb[] */
    {3904, 23, CONTAINER_RANGE},        /* int4range */
    {3905, 3904, CONTAINER_ARRAY},      /* int4range[] */
    {3906, 1700, CONTAINER_RANGE},      /* numrange */
    {3907, 3906, CONTAINER_ARRAY},      /* numrange[] */
    {3908, 1114, CONTAINER_RANGE},      /* tsrange */
    {3909, 3908, CONTAINER_ARRAY},      /* tsrange[] */
    {3910, 1184, CONTAINER_RANGE},      /* tstzrange */
    {3911, 3910, CONTAINER_ARRAY},      /* tstzrange[] */
    {3912, 1082, CONTAINER_RANGE},      /* daterange */
    {3913, 3912, CONTAINER_ARRAY},      /* daterange[] */
    {3926, 20, CONTAINER_RANGE},        /* int8range */
    {3927, 3926, CONTAINER_ARRAY},      /* int8range[] */
    {4073, 4072, CONTAINER_ARRAY},      /* jsonpath[] */
    {4451, 3904, CONTAINER_MULTIRANGE}, /* int4range multirange */
    {4532, 3906, CONTAINER_MULTIRANGE}, /* numrange multirange */
    {4533, 3908, CONTAINER_MULTIRANGE}, /* tsrange multirange */
    {4534, 3910, CONTAINER_MULTIRANGE}, /* tstzrange multirange */
    {4535, 3912, CONTAINER_MULTIRANGE}, /* daterange multirange */
    {4536, 3926, CONTAINER_MULTIRANGE}, /* int8range multirange */
    {6150, 4451, CONTAINER_ARRAY},      /* int4multirange[] */
    {6151, 4532, CONTAINER_ARRAY},      /* nummultirange[] */
    {6152, 4533, CONTAINER_ARRAY},      /* tsmultirange[] */
    {6153, 4534, CONTAINER_ARRAY},      /* tstzmultirange[] */
    {6155, 4535, CONTAINER_ARRAY},      /* datemultirange[] */
    {6157, 4536, CONTAINER_ARRAY},      /* int8multirange[] */
};

const struct container *codec_container(uint32_t oid) {
  size_t low = 0, high = sizeof containers / sizeof *containers;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (containers[middle].oid == oid) return &containers[middle];
    if (containers[middle].oid < oid)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

uint32_t container_array_of(uint32_t element) {
  for (size_t i = 0; element && i < sizeof containers / sizeof *containers; i++)
    if (containers[i].kind == CONTAINER_ARRAY && containers[i].element == element) return containers[i].oid;
  return 0;
}
