-- The values of PostgreSQL's regression tests (src/test/regress/sql: point, line, lseg, box, path, polygon, circle, inet,
-- macaddr, macaddr8, bit, pg_lsn, jsonpath, tsearch, xml, money) in tables of a schema of its own, and of hstore and ltree.
drop schema if exists scalar_types cascade;
create schema scalar_types;
set search_path = scalar_types, public;
set lc_monetary = 'C';
create extension if not exists hstore schema scalar_types;
create extension if not exists ltree schema scalar_types;

create table point_tbl (f1 point);
insert into point_tbl values ('(0.0,0.0)'), ('(-10.0,0.0)'), ('(-3.0,4.0)'), ('(5.1, 34.5)'), ('(-5.0,-12.0)'),
  ('(1e-300,-1e-300)'), ('(1e+300,Inf)'), ('(Inf,1e+300)'), (' ( Nan , NaN ) '), ('10.0,10.0'), ('(-0,0.1)'),
  ('(1e21,123456789012345678)'), ('(0.30000000000000004,5e-324)'), (null);

create table line_tbl (s line);
insert into line_tbl values ('{0,-1,5}'), ('{1,0,5}'), ('{0,3,0}'), (' (0,0), (6,6)'), ('10,-10 ,-5,-4'),
  ('[-1e6,2e2,3e5, -4e1]'), ('{3,NaN,5}'), ('{NaN,NaN,NaN}'), ('[(1,3),(2,3)]'),
  (line(point '(3,1)', point '(3,2)')), (null);

create table lseg_tbl (s lseg);
insert into lseg_tbl values ('[(1,2),(3,4)]'), ('(0,0),(6,6)'), ('10,-10 ,-3,-4'), ('[-1e6,2e2,3e5, -4e1]'),
  (lseg(point(11, 22), point(33,44))), ('[(-10,2),(-10,3)]'), ('[(0,-20),(30,-20)]'), ('[(NaN,1),(NaN,90)]'), (null);

create table box_tbl (f1 box);
insert into box_tbl values ('(2.0,2.0,0.0,0.0)'), ('(1.0,1.0,3.0,3.0)'), ('((-8, 2), (-2, -10))'),
  ('(2.5, 2.5, 2.5,3.5)'), ('(3.0, 3.0,3.0,3.0)'), ('((-1e300,-1e-300),(1e300,1e-300))'), (null);

create table path_tbl (f1 path);
insert into path_tbl values ('[(1,2),(3,4)]'), (' ( ( 1 , 2 ) , ( 3 , 4 ) ) '), ('[ (0,0),(3,0),(4,5),(1,6) ]'),
  ('((1,2) ,(3,4 ))'), ('1,2 ,3,4 '), (' [1,2,3, 4] '), ('((10,20))'), ('[ 11,12,13,14 ]'), ('( 11,12,13,14) '),
  ('[(0.1,0.2),(1e-7,1e15),(NaN,-Infinity)]'), (null);

create table polygon_tbl (f1 polygon);
insert into polygon_tbl values ('(2.0,0.0),(2.0,4.0),(0.0,0.0)'), ('(3.0,1.0),(3.0,3.0),(1.0,0.0)'),
  ('(1,2),(3,4),(5,6)'), ('(7,8),(5,6),(3,4),(1,2)'), ('(1,2),(7,8),(5,6),(3,-4)'), ('(0.0,0.0)'),
  ('(0.0,1.0),(0.0,1.0)'), (null);

create table circle_tbl (f1 circle);
insert into circle_tbl values ('<(5,1),3>'), ('((1,2),100)'), (' 1 , 3 , 5 '), (' ( ( 1 , 2 ) , 3 ) '),
  (' ( 100 , 200 ) , 10 '), (' < ( 100 , 1 ) , 115 > '), ('<(3,5),0>'), ('<(3,5),NaN>'), ('<(0.1,-0.1),1e-9>'), (null);

create table inet_tbl (c cidr, i inet);
insert into inet_tbl values ('192.168.1', '192.168.1.226/24'), ('192.168.1.0/26', '192.168.1.226'),
  ('192.168.1', '192.168.1.0/24'), ('192.168.1', '192.168.1.0/25'), ('192.168.1', '192.168.1.255/24'),
  ('192.168.1', '192.168.1.255/25'), ('10', '10.1.2.3/8'), ('10.0.0.0', '10.1.2.3/8'), ('10.1.2.3', '10.1.2.3/32'),
  ('10.1.2', '10.1.2.3/24'), ('10.1', '10.1.2.3/16'), ('10', '11.1.2.3/8'), ('10', '9.1.2.3/8'),
  ('10:23::f1', '10:23::f1/64'), ('10:23::8000/113', '10:23::ffff'), ('::ffff:1.2.3.4', '::4.3.2.1/24'),
  ('0.0.0.0/0', '0.0.0.0/0'), ('::/0', '::'), ('::1', '1::'), ('2001:db8::/32', '2001:0:0:1:0:0:0:1'),
  ('0:0:1::/48', '1:0:0:2:0:0:3:4'), ('::ffff:0:0/96', '::ffff:0:1'), ('0:ffff::/32', '::1:2.3.4.5'), (null, null);

create table macaddr_data (a int, b macaddr, c macaddr8);
insert into macaddr_data values (1, '08:00:2b:01:02:03', '08:00:2b:01:02:03'),
  (2, '08-00-2b-01-02-03', '08-00-2b-01-02-03'), (3, '08002b:010203', '08002b:010203'),
  (7, '0800.2b01.0203', '0800.2b01.0203'), (12, '08:00:2B:01:02:04', '08:00:2b:01:02:03:04:05'),
  (15, 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff'), (16, '00:00:00:00:00:00', '0800.2b01.0203.0405'),
  (17, null, null);

create table bit_table (b bit(11), v bit varying(11), w bit varying);
insert into bit_table values (B'00000000000', B'0', B'1'), (B'11011000000', B'010101', B'11111111'),
  (B'01010101010', B'01010101010', B'101011110000101'), (X'FFE'::bit(11), X'FE'::varbit, repeat('10', 500)::varbit),
  (null, null, null);

create table pg_lsn_tbl (f1 pg_lsn);
insert into pg_lsn_tbl values ('0/0'), ('FFFFFFFF/FFFFFFFF'), ('16/B374D848'), ('0/1000000'), ('AB00/F'), (null);

create table identifier_tbl (t tid, x xid, c cid);
insert into identifier_tbl values ('(0,0)', '0', '0'), ('(4294967295,65535)', '4294967295', '4294967295'),
  ('(1,2)', '3', '4'), (null, null, null);

create table text_tbl (p jsonpath, v tsvector, q tsquery, m money, x xml, h hstore, l ltree);
insert into text_tbl values
  ('$', '1 2', '1 & !2', '123', '<value>one</value>', 'a=>b', 'Top.Science'),
  ('strict $', $$'w':4A,3B,2C,1D,5 a:8$$, '1|2&3', '-12.34', '<a b="c"/>', '"a b"=>NULL, c=>"d\"e"', 'Top'),
  ('lax $.a[*] ? (@.b > 1 && exists (@.c))', 'a:1a a:1b ''it''''s'':2', '!(a|b)&c:*AB', '$92,233,720,368,547,758.07',
   '<?xml version="1.0" encoding="utf8"?><q>ü</q>', '', 'a.b.c.d_1'),
  ('$.a.b.type().size() + -1 * 2.5e-3', '', 'a <-> b <2> c', '-92233720368547758.08', 'content', 'ü=>日本', '1.2.3'),
  (null, null, null, null, null, null, null);
