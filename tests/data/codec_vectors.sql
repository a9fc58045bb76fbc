-- Ground truth for the codecs: type, text as sent to a client, and binary (the type's send function) in hex, separated
-- by tabs. "type/style" rows have a text form other than the default: they decode to the same value but are not what
-- codec_to_text() gives. Made with PostgreSQL 15 (random values depend on the version):
--   psql -X -q -A -t -F "$(printf '\t')" -f codec_vectors.sql > codec_vectors.txt

set timezone = 'UTC';
set datestyle = 'ISO, MDY';
set intervalstyle = 'postgres';
set bytea_output = 'hex';
select setseed(0.25) \g /dev/null

select 'bool', case when v then 't' else 'f' end, encode(boolsend(v), 'hex') from (values (true), (false)) x(v);

select 'int2', v::text, encode(int2send(v::int2), 'hex') from (
  values (0), (1), (-1), (9), (10), (99), (100), (32767), (-32768), (256), (-256)
  union all select (random() * 65535 - 32768)::int from generate_series(1, 10)) x(v);

select 'int4', v::text, encode(int4send(v::int4), 'hex') from (
  values (0::int8), (1), (-1), (2147483647), (-2147483648), (1000000000), (999999999), (65536)
  union all select (random() * 4294967295 - 2147483648)::int8 from generate_series(1, 15)) x(v);

select 'int8', v::text, encode(int8send(v), 'hex') from (
  values (0::int8), (1), (-1), (9223372036854775807), (-9223372036854775808), (4294967296), (1000000000000000000)
  union all select ((random() - 0.5) * 18446744073709549568)::int8 from generate_series(1, 15)) x(v);

select 'oid', v::text, encode(oidsend(v::oid), 'hex') from (
  values (0::int8), (1), (4294967295), (2147483648), (16384)
  union all select (random() * 4294967295)::int8 from generate_series(1, 5)) x(v);

select '"char"', v::text, encode(charsend(v), 'hex') from (
  values (''::"char"), ('a'::"char"), ('\'::"char"), (' '::"char"), ('~'::"char")) x(v);

select 'float4', v::text, encode(float4send(v), 'hex') from (
  values ('0'::float4), ('-0'), ('1'), ('-1'), ('1.5'), ('0.1'), ('0.0001'), ('0.00001'), ('100000'), ('999999'),
    ('1e6'), ('1234567'), ('16777216'), ('16777215'), ('33554432'), ('3.4028235e38'), ('1e-45'), ('1.17549435e-38'),
    ('1.1754942e-38'), ('NaN'), ('Infinity'), ('-Infinity'), ('0.3'), ('8388608'), ('9.5367431640625e-07'),
    ('2.3509887e-38'), ('1e10'), ('1.4e-45'), ('4.7019774e-38')
  union all select ((random() - 0.5) * 10 ^ (random() * 70 - 35))::float4 from generate_series(1, 40)) x(v);

select 'float8', v::text, encode(float8send(v), 'hex') from (
  values ('0'::float8), ('-0'), ('1'), ('-1'), ('1.5'), ('0.1'), ('0.3'), ('0.0001'), ('0.00001'), ('1e14'), ('1e15'),
    ('1e16'), ('123456789012345'), ('999999999999999'), ('9007199254740991'), ('9007199254740992'),
    ('9007199254740993'), ('1e22'), ('1e23'), ('1.7976931348623157e308'), ('4.9e-324'), ('2.2250738585072014e-308'),
    ('2.225073858507201e-308'), ('5.684341886080802e-14'), ('9.5367431640625e-07'), ('NaN'), ('Infinity'),
    ('-Infinity'), ('3.141592653589793'), ('2.718281828459045'), ('1e100'), ('1e-100'), ('123456.789'),
    ('0.000123456789'), ('9.99e-5'), ('100'), ('1000000'), ('4503599627370496.5'), ('8.41e21'), ('2.0919495182368195e19'),
    ('5e-324'), ('1.8446744073709552e19')
  union all select (random() - 0.5) * 10 ^ (random() * 600 - 300) from generate_series(1, 60)
  union all select round((random() * 1000000)::numeric, 2)::float8 from generate_series(1, 20)
  union all select 2::float8 ^ n from generate_series(-1070, 1020, 95) n) x(v);

select 'text', v, encode(textsend(v), 'hex') from (
  values (''), ('a'), ('Grüße, 世界 🐘'), ('back\slash "quotes" ''single'''), ('  spaces  ')) x(v);
select 'varchar', v::text, encode(varcharsend(v), 'hex') from (values ('vc'::varchar(5)), ('')) x(v);
-- The cast to text would strip the blanks that a client gets.
select 'bpchar', v || repeat(' ', 4 - length(v)), encode(bpcharsend(v), 'hex') from (
  values ('ab'::char(4)), (''::char(4))) x(v);
select 'name', v::text, encode(namesend(v), 'hex') from (values ('pg_class'::name)) x(v);
select 'json', v::text, encode(json_send(v), 'hex') from (
  values ('{"a": [1, 2.50, null],  "b":"é"}'::json), ('"x"'), ('1')) x(v);
select 'jsonb', v::text, encode(jsonb_send(v), 'hex') from (
  values ('{"b": [1, 2.50, null], "a":"é"}'::jsonb), ('"x"'), ('1'), ('[]'), ('{}'), ('null')) x(v);

create temp table bytes as
  values (''::bytea), ('\x00'), ('\xff'), ('\x5c'), ('\x5c78'), ('\x00ff7f80'), ('\x68656c6c6f'), ('\x27225c0a0d09')
  union all select substr(sha512(n::text::bytea), 1, n * 4) from generate_series(1, 12) n;
select 'bytea', v::text, encode(byteasend(v), 'hex') from bytes x(v);
set bytea_output = 'escape';
select 'bytea/escape', v::text, encode(byteasend(v), 'hex') from bytes x(v);

select 'uuid', v::text, encode(uuid_send(v), 'hex') from (
  values ('00000000-0000-0000-0000-000000000000'::uuid), ('ffffffff-ffff-ffff-ffff-ffffffffffff'),
    ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')
  union all select md5(n::text)::uuid from generate_series(1, 10) n) x(v);

create temp table dates as
  values ('2000-01-01'::date), ('1999-12-31'), ('1970-01-01'), ('2000-02-29'), ('1900-02-28'), ('1900-03-01'),
    ('2024-02-29'), ('2100-02-28'), ('0001-01-01'), ('0001-12-31 BC'), ('0005-02-29 BC'), ('0044-03-15 BC'),
    ('4714-11-24 BC'), ('5874897-12-31'), ('9999-12-31'), ('10000-01-01'), ('99999-06-15'), ('infinity'), ('-infinity')
  union all select ('2000-01-01'::date + (random() * 1000000 - 500000)::int) from generate_series(1, 20)
  union all select ('2000-01-01'::date + (random() * 2147000000 - 2400000)::int) from generate_series(1, 15);
select 'date', v::text, encode(date_send(v), 'hex') from dates x(v);

select 'time', v::text, encode(time_send(v), 'hex') from (
  values ('00:00:00'::time), ('24:00:00'), ('23:59:59.999999'), ('00:00:00.000001'), ('12:30:00'), ('12:30:05.5'),
    ('01:02:03.004'), ('10:00:00.10203')
  union all select '00:00'::time + random() * interval '24 hours' from generate_series(1, 15)) x(v);

select 'timetz', v::text, encode(timetz_send(v), 'hex') from (
  values ('00:00:00+00'::timetz), ('24:00:00-15:59:59'), ('23:59:59.999999+15:59:59'), ('12:00:00+05:30'),
    ('12:00:00-03:30'), ('12:00:00.25+00:19:32'), ('12:00:00-08'), ('12:00:00-00:00:01'), ('00:00:00.000001+14')
  union all select timezone(make_interval(secs => (random() * 100000 - 50000)::int), '12:00:00+00'::timetz
    + random() * interval '24 hours') from generate_series(1, 10)) x(v);

create temp table stamps as
  values ('2000-01-01 00:00:00'::timestamp), ('1999-12-31 23:59:59.999999'), ('1970-01-01'), ('2026-01-31 12:34:56.789'),
    ('4714-11-24 00:00:00 BC'), ('294276-12-31 23:59:59.999999'), ('0001-12-31 23:59:59 BC'), ('0001-01-01'),
    ('0044-03-15 12:00:00.5 BC'), ('9999-12-31 23:59:59'), ('10000-01-01'), ('infinity'), ('-infinity'),
    ('1883-11-18 12:00:00'), ('1900-01-01 00:00:00.000001'), ('2024-02-29 23:59:59.1')
  union all select '2000-01-01'::timestamp + (random() - 0.5) * interval '1000 years' from generate_series(1, 20)
  union all select '2000-01-01'::timestamp + (random() * 290000 - 4000) * interval '1 year' from generate_series(1, 10);
select 'timestamp', v::text, encode(timestamp_send(v), 'hex') from stamps x(v);
select 'timestamptz', (v at time zone 'UTC')::text, encode(timestamptz_send(v at time zone 'UTC'), 'hex') from stamps x(v);
set timezone = 'America/New_York';
select 'timestamptz/zone', (v at time zone 'UTC')::text, encode(timestamptz_send(v at time zone 'UTC'), 'hex')
  from stamps x(v);
set timezone = 'Europe/Amsterdam'; -- an offset with seconds until 1937
select 'timestamptz/zone', (v at time zone 'UTC')::text, encode(timestamptz_send(v at time zone 'UTC'), 'hex')
  from stamps x(v);
set timezone = 'Asia/Kathmandu';
select 'timestamptz/zone', (v at time zone 'UTC')::text, encode(timestamptz_send(v at time zone 'UTC'), 'hex')
  from stamps x(v);
set timezone = 'UTC';

create temp table spans as
  values ('0'::interval), ('1 year'), ('-1 year'), ('1 mon'), ('11 mons'), ('13 mons'), ('-13 mons'), ('1 day'),
    ('-1 day'), ('2 days'), ('1 hour'), ('-1 hour'), ('00:00:00.000001'), ('-00:00:00.000001'), ('-00:00:00.5'),
    ('1 year 2 mons 3 days 04:05:06.789'), ('-1 year -2 mons -3 days -04:05:06.789'),
    ('1 year 2 mons -3 days 04:05:06'), ('-1 year -2 mons +3 days -04:05:06'), ('-1 day +04:05:06'),
    ('1 day -04:05:06'), ('1 mon -1 day'), ('-1 mon 1 day'), ('1 mon 00:00:01'), ('-3 days -04:05:06'),
    ('3 days 04:05:06'), ('178956970 years 7 mons 2147483647 days'), ('-178956970 years -8 mons -2147483648 days'),
    ('2562047788:00:54.775807'), ('-2562047788:00:54.775807'), ('100:00:00'), ('1.5 secs'), ('59:59.999999')
  union all select make_interval(months => (random() * 400 - 200)::int, days => (random() * 100 - 50)::int,
    secs => (random() * 1000000 - 500000)) from generate_series(1, 20);
select 'interval', v::text, encode(interval_send(v), 'hex') from spans x(v);
set intervalstyle = 'iso_8601';
select 'interval/iso_8601', v::text, encode(interval_send(v), 'hex') from spans x(v);
set intervalstyle = 'sql_standard';
select 'interval/sql_standard', v::text, encode(interval_send(v), 'hex') from spans x(v);
set intervalstyle = 'postgres_verbose';
select 'interval/postgres_verbose', v::text, encode(interval_send(v), 'hex') from spans x(v);

select 'numeric', v::text, encode(numeric_send(v), 'hex') from (
  values ('0'::numeric), ('0.00'), ('1'), ('-1'), ('10'), ('9999'), ('10000'), ('10001'), ('99999999'), ('100000000'),
    ('0.1'), ('0.0001'), ('0.00001'), ('0.00012345'), ('-0.5'), ('12.30'), ('12345.6789'), ('1234567.89'),
    ('9223372036854775807'), ('-9223372036854775808'), ('9223372036854775808'), ('92233720368547758.07'), ('NaN'),
    ('Infinity'), ('-Infinity'), ('1e20'), ('1e-20'), ('1e100'), ('123e-50'), ('1.000000'), ('1000000.000001'),
    ('0.000000000000000001'), ('99999999999999999999999999999999999999.999999999999'), ('1e-100'), ('10000.0000'),
    ('100.0'), ('-100000.000010')
  union all select round(((random() - 0.5) * 10 ^ (random() * 30 - 8))::numeric, (random() * 20)::int)
    from generate_series(1, 60)) x(v);
