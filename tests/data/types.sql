-- Values of every type, one statement a line, each printed by psql and by dsql query alike. A number ahead of a line is
-- the oldest major version that knows what is in it. Values are those of PostgreSQL's regression tests (src/test/regress/sql)
-- and what is on the edges.
select * from (values (true), (false)) t(v)
select * from (values (0::int2), (-32768), (32767)) t(v), (values (0::int4), (-2147483648), (2147483647)) u(w)
select * from (values (0::int8), (-9223372036854775808), (9223372036854775807)) t(v)
select * from (values (0::float4), ('-0'), ('NaN'), ('Infinity'), ('-Infinity'), (1e-45), (3.4028235e38), (1004.3), (-34.84)) t(v)
select * from (values (0::float8), ('-0'), ('NaN'), ('Infinity'), ('-Infinity'), (5e-324), (1.7976931348623157e308), (1004.3), (1.2345678901234e-200)) t(v)
select * from (values (0::numeric), ('NaN'), (-34338492.215397047), (4.31), (7799461.4119), (16397.038491), (1e-30), (1e40), (0.000)) t(v)
14 select * from (values ('Infinity'::numeric), ('-Infinity')) t(v)
select * from (values ('1957-04-09'::date), ('4713-01-01 BC'), ('5874897-12-31'), ('infinity'), ('-infinity'), ('2040-04-10')) t(v)
select * from (values ('00:00'::time), ('23:59:59.999999'), ('24:00'), ('02:03')) t(v), (values ('00:01-07'::timetz), ('23:59:59.99+15:59:59')) u(w)
select * from (values ('1997-02-10 17:32:01.4'::timestamp), ('0097-02-16 17:32:01 BC'), ('294276-12-31 23:59:59.999999'), ('infinity'), ('-infinity')) t(v)
select * from (values ('1997-02-10 17:32:01.4+00'::timestamptz), ('4714-11-24 00:00:00+00 BC'), ('infinity'), ('-infinity')) t(v)
select * from (values ('1 minute'::interval), ('-14 seconds'), ('34 years'), ('6 months 3 days 4:05:06.5'), ('-1 mon -2 days +3:00')) t(v)
17 select * from (values ('infinity'::interval), ('-infinity')) t(v)
select * from (values ('11111111-1111-1111-1111-111111111111'::uuid)) t(v), (values ('\xdeadbeef00ff'::bytea), ('\x20')) u(w)
select * from (values ('a'::"char"), ('\')) t(v), (values ('abc'::name)) u(w), (values ('abcde'::char(5))) x(y), (values ('grüße, "q" \ 日本'::text)) z(a)
select * from (values ('{"a": [1, null, "x\"y"]}'::jsonb), ('null'), ('"\\u00e9"')) t(v), (values ('{"a":  1 }'::json)) u(w)
select * from (values ('{}'::int4[]), ('{1,NULL,3}'), ('[2:4]={1,2,3}'), ('{{1,2},{3,4}}'), ('[-1:0][5:6]={{1,2},{3,4}}'), ('{{{{{{7}}}}}}')) t(v)
select * from (values ('{a,"b c","","NULL",NULL,"q\"\\","{x,y}","a;b"," lead"}'::text[])) t(v)
select array['a'||chr(9)||'b', chr(11), chr(160), 'nULL', '\', '''', chr(127)]
select * from (values ('{t,f,NULL}'::bool[]), ('{}')) t(v), (values ('{1.50,NaN,-0.001,NULL}'::numeric[])) u(w)
select '{0.1,-0,NaN,Infinity,1e-300}'::float8[], '{1,-32768}'::int2[], '{9223372036854775807}'::int8[], '{4294967295}'::oid[]
select '{"\\x00ff","\\x",NULL}'::bytea[], '{a,"\\"}'::"char"[], '{"ab   "}'::char(5)[], '{"x y"}'::varchar[], '{abc}'::name[]
select '{"2026-01-31 12:00:00.5+00",infinity}'::timestamptz[], '{"0097-02-16 17:32:01 BC"}'::timestamp[], '{4713-01-01 BC,infinity}'::date[]
select '{23:59:59.9}'::time[], '{00:01-07}'::timetz[], '{"1 day -02:00:00","34 years"}'::interval[], array['11111111-1111-1111-1111-111111111111'::uuid]
select array['{"a": "x y"}'::jsonb, 'null'], array['[1, 2]'::json], array['(1,2)'::point, '(-0.1,1e300)'], array['(2,2),(0,0)'::box, '(1,1),(0,0)']
select array['10.0.0.1/8'::inet, '::1'], array['10.0.0.0/8'::cidr], array['08:00:2b:01:02:03'::macaddr], array['101'::varbit], array['0/16B3748'::pg_lsn]
select * from (values ('empty'::int4range), ('[1,5)'), ('(,)'), ('[3,)'), ('(,7]'), ('(1,2]')) t(v)
select '[1,9223372036854775806]'::int8range, '(1.50,2.5]'::numrange, '(,NaN]'::numrange, '[2026-01-01,2026-02-01]'::daterange, '(,infinity)'::daterange
select '[2026-01-01 00:00,"2026-01-02 00:00:00.5"]'::tsrange, '["0097-02-16 BC",infinity]'::tstzrange
select array['[1,5)'::int4range, 'empty', null], array['["2026-01-01 00:00",)'::tsrange], array['[1.5,2]'::numrange]
14 select * from (values ('{}'::int4multirange), ('{[1,3),[5,)}'), ('{(,)}')) t(v), (values ('{["2026-01-01 00:00",2026-01-02]}'::tsmultirange)) u(w)
14 select array['{[1,2],(3,4.5)}'::nummultirange, '{}'], array['{[2026-01-01,2026-01-31]}'::datemultirange]
select row(1, 'x'), row(null, ''), row('a b', 'q"\', '(x,y)'), row(row(1, array['a b', null]), '{}'::int4[]), row(null)
select array[row(1, 'a b'), row(2, null)], row(array[row('x"y')]), row('[1,5)'::int4range, '["2026-01-01 00:00",)'::tsrange)
select c from (select 1 as a, 'b c'::text as b, array[1.5, null] as d) c
select '(1,2)'::point, '{1,-1,0}'::line, '[(1,2),(3,4)]'::lseg, '(2,2),(0,0)'::box, '((1,2),(3,4))'::path, '[(1,2),(3,4)]'::path, '((0,0),(1,1),(2,0))'::polygon, '<(1,2),3>'::circle
select '192.168.1.226/24'::inet, '10:23::f1/64'::inet, '192.168.1.0/24'::cidr, '10:23::/32'::cidr, '08:00:2b:01:02:03'::macaddr, '08:00:2b:01:02:03:04:05'::macaddr8
select B'10101'::bit(5), '1'::varbit, '(0,1)'::tid, '16/B374D848'::pg_lsn, '12345'::xid, '1:3:2'::txid_snapshot
select 'a fat cat''s "rat":3A'::tsvector, 'fat & (rat | !cat:*)'::tsquery, '$.a[*] ? (@ > 1)'::jsonpath, '<a>b</a>'::xml, 12.34::money
13 select '18446744073709551615'::xid8
select typname, oid, typdefault is null, typacl is null, typcategory, typlen from pg_type where oid < 10000 order by oid
select proargtypes, proargmodes, proargnames from pg_proc where oid between 1000 and 4000 and proargmodes is not null and pronargs > 0 order by oid
