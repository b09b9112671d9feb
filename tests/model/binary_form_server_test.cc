// Against a real server: for thousands of values of every type that is read, what the send function
// gives and what the output function prints become the same cell.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "model/binary_form.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/text_form.h"
#include "model/type_catalog.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"
#include "postgres/type_reader.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::model {
namespace {

using postgres::Connection;
using postgres::Must;

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

// Characters that quoting has to deal with.
constexpr const char* kTexts =
    R"((VALUES (''), ('null'), ('NULL'), ('Null x'), ('a b'), (E'a\tb'), (E'\n'), ('"'), ('\'),
       ('"\"'), ('{a}'), ('a,b'), ('a;b'), ('(a)'), ('[a]'), ('größe'), (E'\v'),
       ('plain'), ('''')))";

class BinaryFormServerTest : public postgres::ClusterFixture {
 protected:
  BinaryFormServerTest() : sql_(Sql()) {
    const char* seed = std::getenv("LOCKSTEP_TEST_SEED");
    const std::string number = seed ? seed : "0.42";
    std::printf("seed %s; repeat another with --test_env=LOCKSTEP_TEST_SEED=0.n\n", number.c_str());
    Must(sql_.Execute("SELECT setseed(" + number + ")"));
  }

  // `values` is a query of one column that is cast to `type`.
  void ExpectSameCells(const std::string& type, const std::string& values) {
    SCOPED_TRACE(type + ": " + values.substr(0, 100));
    Must(sql_.Execute("DROP TABLE IF EXISTS v; CREATE TABLE v AS SELECT x::" + type +
                      " AS c FROM (" + values + ") t(x) WHERE x IS NOT NULL"));
    const auto types = Must(postgres::ReadTypes(sql_));
    const Column column =
        Must(postgres::ReadRelations(sql_, {{"public", "v"}})).at(0)->columns.at(0);
    const std::string send =
        Must(sql_.Scalar("SELECT typsend FROM pg_type t JOIN pg_attribute a ON a.atttypid = t.oid "
                         "WHERE a.attrelid = 'v'::regclass AND attnum = 1"));
    auto rows = Must(sql_.Execute("SELECT c, encode(" + send + "(c), 'hex') FROM v"));
    ASSERT_GT(rows.rows(), 0);
    for (int row = 0; row < rows.rows(); ++row) {
      RowBuilder from_text;
      RowBuilder from_binary;
      const std::string_view text = rows.Text(row, 0);
      Must(AppendFromText(column, text, from_text));
      auto ok = AppendFromBinary(column, *types, FromHex(rows.Text(row, 1)), from_binary);
      ASSERT_TRUE(ok.has_value()) << text << ": " << ok.error().message;
      const Row read = from_binary.Build();
      ASSERT_EQ(from_text.Build(), read) << text.substr(0, 300) << "\nwas read as\n"
                                         << Describe(column.type, read.At(0)).substr(0, 300);
    }
    compared_ += rows.rows();
  }

  Connection sql_;
  int compared_ = 0;
};

constexpr const char* kFloats = R"(
  SELECT ((random() - 0.5) * 10 ^ (random() * %s)) FROM generate_series(1, 1500)
  UNION ALL SELECT (d * s || 'e' || e)::float8
  FROM (VALUES (1), (9), (99), (123456), (999999), (9999999), (1234567)) a(d),
       (VALUES (1), (-1)) b(s), generate_series(-30, 20) e
  UNION ALL SELECT x::float8 FROM (VALUES ('0'), ('-0'), ('NaN'), ('Infinity'), ('-Infinity'),
    ('1e-4'), ('9.9999999e-5'), ('1e15'), ('999999999999999.9'), ('1e6'), ('999999.94')) v(x))";

TEST_F(BinaryFormServerTest, Numbers) {
  ExpectSameCells("bool", "VALUES (true), (false)");
  ExpectSameCells("int2", "VALUES (0), (-1), (1), (-32768), (32767)");
  ExpectSameCells("int4",
                  "SELECT (random() * 4294967295 - 2147483648)::int8 FROM "
                  "generate_series(1, 500)");
  ExpectSameCells("int8",
                  "SELECT ((random() - 0.5) * 10 ^ (random() * 18))::int8 FROM "
                  "generate_series(1, 500) UNION ALL VALUES (9223372036854775807), "
                  "(-9223372036854775808)");
  ExpectSameCells("oid", "VALUES (0::int8), (4294967295), (1)");
  const std::string floats = kFloats;
  const auto with_range = [&](const char* range) {
    std::string text = floats;
    return text.replace(text.find("%s"), 2, range);
  };
  ExpectSameCells("float8", with_range("600 - 300"));
  ExpectSameCells("float4", with_range("60 - 30"));
  ExpectSameCells("float8[]", "SELECT ARRAY[x, -x] FROM (" + with_range("600 - 300") + ") f(x)");
  ExpectSameCells("float4[]", "SELECT ARRAY[x::float4] FROM (" + with_range("60 - 30") + ") f(x)");
  ExpectSameCells("money",
                  "SELECT ((random() - 0.5) * 10 ^ (random() * 16))::numeric FROM "
                  "generate_series(1, 500) UNION ALL VALUES (-92233720368547758.08), "
                  "(92233720368547758.07), (0)");
  EXPECT_GT(compared_, 5000);
}

TEST_F(BinaryFormServerTest, Numerics) {
  ExpectSameCells("numeric",
                  "SELECT round(((random() - 0.5)::numeric * 10::numeric ^ (random() * 60 - 30)"
                  "::int), (random() * 40)::int) FROM generate_series(1, 3000)");
  ExpectSameCells("numeric",
                  "SELECT (s || d || repeat('0', z) || '.' || repeat('0', f) || t)::numeric FROM "
                  "(VALUES (''), ('-')) a(s), (VALUES (0), (1), (12), (9999), (10000), (99999)) "
                  "b(d), generate_series(0, 9) z, generate_series(0, 9) f, "
                  "(VALUES ('0'), ('1'), ('9999'), ('00010000')) c(t)");
  ExpectSameCells("numeric",
                  "SELECT x::numeric FROM (VALUES ('0'), ('0.000'), ('NaN'), ('Infinity'), "
                  "('-Infinity'), ('1e131071'), ('1e-16383'), ('-1e131071'), ('0e-16383')) v(x)");
  ExpectSameCells("numeric(10,2)", "VALUES (0), (1.5), (-99999999.99)");
  ExpectSameCells("numeric(5,-2)", "VALUES (0), (12345), (-99949)");
}

TEST_F(BinaryFormServerTest, Texts) {
  const std::string texts = kTexts;
  for (const char* type : {"text", "varchar(20)", "char(20)", "name", "bytea"}) {
    const bool is_bytea = std::string_view(type) == "bytea";
    ExpectSameCells(type, std::string("SELECT ") + (is_bytea ? "convert_to(x, 'UTF8')" : "x") +
                              " FROM " + texts + " v(x)");
  }
  ExpectSameCells("\"char\"", "SELECT n::\"char\" FROM generate_series(-128, 127) n");
  ExpectSameCells("uuid", "SELECT gen_random_uuid() FROM generate_series(1, 100)");
  ExpectSameCells("json", "SELECT to_json(x) FROM " + texts +
                              " v(x) UNION ALL VALUES "
                              "('{\"b\":  1, \"a\": [1e400]}'::json)");
  ExpectSameCells("jsonb", "SELECT jsonb_build_object(x, n, 'a', to_jsonb(x)) FROM " + texts +
                               " v(x), generate_series(-1, 2) n");
  ExpectSameCells("jsonpath", "VALUES ('$.a[*] ? (@ > 1)'::jsonpath)");
  ExpectSameCells("xml",
                  "VALUES ('<a/>'::xml), ('<?xml version=\"1.0\"?><a/>'), (''), ('x<b/>'),"
                  "('<?xml version=\"1.0\" standalone=\"yes\"?><a/>'),"
                  "('<?xml version=\"1.1\" encoding=\"UTF-8\"?><ö/>')");
  ExpectSameCells("bit(13)", "SELECT (random() * 8191)::int::bit(13) FROM generate_series(1, 99)");
  ExpectSameCells("varbit",
                  "SELECT x::varbit FROM (VALUES (''), ('1'), ('0'), ('10101010'), "
                  "('101010101')) v(x)");
}

TEST_F(BinaryFormServerTest, Times) {
  ExpectSameCells("date",
                  "SELECT date '4714-11-24 BC' + (random() * 10000000)::int FROM "
                  "generate_series(1, 500) UNION ALL VALUES (date '4714-11-24 BC'), "
                  "('5874897-12-31'), ('infinity'), ('-infinity'), ('0001-01-01'), "
                  "('0001-12-31 BC')");
  const std::string moments =
      "SELECT x::timestamptz FROM (VALUES ('4714-11-24 00:00:00+00 BC'), "
      "('294276-12-31 23:59:59.999999+00'), ('infinity'), ('-infinity'), ('2000-01-01'), "
      "('1999-12-31 23:59:59.999999')) v(x) UNION ALL "
      "SELECT to_timestamp((random() - 0.3) * 100000000000) FROM generate_series(1, 500)";
  ExpectSameCells("timestamptz", moments);
  ExpectSameCells("timestamp", "SELECT m AT TIME ZONE 'UTC' FROM (" + moments + ") t(m)");
  ExpectSameCells("timestamp(0)", "VALUES (now())");
  ExpectSameCells("time",
                  "SELECT time '00:00' + random() * interval '24:00' FROM "
                  "generate_series(1, 300) UNION ALL VALUES (time '24:00'), ('00:00')");
  ExpectSameCells("timetz",
                  "SELECT x::timetz FROM (VALUES ('24:00+15:59:59'), ('00:00-15:59:59'), "
                  "('12:00+05:30'), ('12:00:00.5-03'), ('01:02:03.000001+00:00:07'), ('23:00+00'), "
                  "('12:00:00-00:30')) v(x)");
  ExpectSameCells("interval",
                  "SELECT make_interval((random() * 4 - 2)::int, (random() * 24 - 12)::int, 0, "
                  "(random() * 4 - 2)::int, (random() * 4 - 2)::int, (random() * 4 - 2)::int, "
                  "round((random() * 4 - 2)::numeric, (random() * 6)::int)) "
                  "FROM generate_series(1, 3000)");
  ExpectSameCells("interval",
                  "SELECT x::interval FROM (VALUES ('0'), ('178000000 years'), ('-1 day +1 us'), "
                  "('-178000000 years -2147483648 days -2562047788:00:54.775807'), "
                  "('2562047788:00:54.775807'), ('1 mon -1 day'), ('-1 mon +1 day -1:00'), "
                  "('-00:00:00.000001'), ('1000000:00:00')) v(x) UNION ALL "
                  "SELECT interval '-2562047788:00:54.775807' - interval '1 us'");
}

TEST_F(BinaryFormServerTest, AddressesAndShapes) {
  const std::string addresses =
      "(VALUES ('10.1.2.3'), ('10.0.0.0/8'), ('0.0.0.0/0'), ('255.255.255.255'), ('::'), ('::1'), "
      "('::2'), ('::1.2.3.4'), ('::ffff:1.2.3.4'), ('::ffff:0:1'), ('1::'), ('1:0:0:2:0:0:0:3'), "
      "('1:0:2:0:3:0:4:0'), ('::1:2:3:4:5'), ('::1:2'), ('::1:0'), ('1:2:3:4:5:6:7:8'), "
      "('2001:db8::1:0:0:1'), ('::1:0:0'), ('0:0:0:1::'), ('fe80::'), ('1:2:3:4:5:6:0:0'), "
      "('::1:2:3:4:5:6:7'), ('0:1:2:3:4:5:6:7'), ('::5:6:7:8'), ('abcd::1:2:3:4'))";
  ExpectSameCells("inet", "SELECT x::inet FROM " + addresses + " v(x)");
  ExpectSameCells("inet", "SELECT set_masklen(x::inet, n) FROM " + addresses +
                              " v(x), generate_series(0, 32) n");
  ExpectSameCells("cidr", "SELECT network(set_masklen(x::inet, n)) FROM " + addresses +
                              " v(x), generate_series(0, 32) n");
  ExpectSameCells("cidr", "SELECT x::inet::cidr FROM " + addresses + " v(x)");
  ExpectSameCells("macaddr", "VALUES ('08:00:2b:01:02:03'::macaddr), ('ff:ff:ff:ff:ff:ff')");
  ExpectSameCells("macaddr8", "VALUES ('08:00:2b:01:02:03:04:0a'::macaddr8)");
  ExpectSameCells("pg_lsn", "VALUES ('0/0'::pg_lsn), ('16/B374D848'), ('FFFFFFFF/FFFFFFFF')");
  ExpectSameCells("tid", "VALUES ('(0,0)'::tid), ('(4294967295,65535)')");
  ExpectSameCells("xid", "VALUES ('0'::xid), ('4294967295')");
  ExpectSameCells("xid8", "VALUES ('0'::xid8), ('18446744073709551615')");
  const std::string points =
      "SELECT point((random() - 0.5) * 10 ^ (random() * 40 - 20), n) x FROM generate_series(1, 200)"
      " n UNION ALL VALUES (point '(-0,1e-5)'), ('(Infinity,NaN)')";
  ExpectSameCells("point", points);
  ExpectSameCells("lseg", "SELECT lseg(p.x, point(1, 2)) FROM (" + points + ") p");
  ExpectSameCells("box", "SELECT box(p.x, point(1, 2)) FROM (" + points + ") p");
  ExpectSameCells("circle", "SELECT circle(p.x, 2.5) FROM (" + points + ") p");
  ExpectSameCells("path", "VALUES ('[(0,0),(1,1.5)]'::path), ('((0,0))')");
  ExpectSameCells("polygon", "VALUES ('((0,0),(1,1.5),(-1e20,3))'::polygon)");
  ExpectSameCells("line", "VALUES ('{1,-2.5,1e-7}'::line)");
}

TEST_F(BinaryFormServerTest, ArraysOfEverything) {
  const std::string texts = kTexts;
  ExpectSameCells("text[]", "SELECT ARRAY[x, NULL, y] FROM " + texts + " v(x), " + texts + " w(y)");
  ExpectSameCells("text[]",
                  "SELECT ARRAY[[x, NULL], [y, 'b']] FROM " + texts + " v(x), " + texts + " w(y)");
  ExpectSameCells("int4[]",
                  "VALUES ('{}'::int4[]), ('{NULL}'), ('[0:1]={1,2}'), "
                  "('[-3:-2][5:6]={{1,2},{3,4}}'), ('{{{{{{1}}}}}}'), "
                  "('[2147483646:2147483646]={1}'), ('[1:1][0:0]={{1}}')");
  ExpectSameCells("box[]", "VALUES ('{(1,2),(3,4);(5,6),(7,8)}'::box[]), ('{NULL;NULL}')");
  ExpectSameCells("bytea[]", "VALUES (ARRAY['\\x00ff'::bytea, '', NULL])");
  ExpectSameCells("interval[]", "VALUES (ARRAY['1 day'::interval, '1:00'])");
  ExpectSameCells("timestamptz[]", "VALUES (ARRAY[now(), 'infinity', '0044-03-15 BC'])");
  ExpectSameCells("timetz[]", "VALUES (ARRAY['12:00+05:30'::timetz])");
  ExpectSameCells("date[]", "VALUES (ARRAY['0044-03-15 BC'::date, 'infinity'])");
  ExpectSameCells("jsonb[]",
                  "SELECT ARRAY[to_jsonb(x), jsonb_build_object(x, x)] FROM " + texts + " v(x)");
  ExpectSameCells("bool[]", "VALUES (ARRAY[true, false, NULL])");
  ExpectSameCells("\"char\"[]", "SELECT ARRAY[n::\"char\"] FROM generate_series(-128, 127) n");
  ExpectSameCells("char(3)[]", "VALUES (ARRAY['a'::char(3), ''])");
  ExpectSameCells("uuid[]", "VALUES (ARRAY[gen_random_uuid()])");
  ExpectSameCells("money[]", "VALUES (ARRAY[1234.5::numeric::money])");
  ExpectSameCells("numeric[]", "VALUES (ARRAY[1.50, 'NaN', 1e40])");
}

TEST_F(BinaryFormServerTest, RangesAndMultiranges) {
  ExpectSameCells("int4range",
                  "SELECT int4range(a, a + b, c) FROM generate_series(-3, 3) a, "
                  "generate_series(0, 2) b, (VALUES ('[)'), ('(]'), ('[]'), ('()')) "
                  "v(c) UNION ALL VALUES ('empty'::int4range), ('(,)'), ('[1,)'), "
                  "('(,1)')");
  ExpectSameCells("numrange", "VALUES ('(1.50,2.0]'::numrange), ('[NaN,NaN]'), ('[,1e20)')");
  ExpectSameCells("tsrange", "VALUES ('[2020-01-01 00:00,infinity]'::tsrange), ('(,infinity)')");
  ExpectSameCells("tstzrange",
                  "SELECT tstzrange('2020-01-01', now()) UNION ALL SELECT "
                  "tstzrange('-infinity', NULL)");
  ExpectSameCells("daterange", "VALUES ('[2020-01-01,2020-02-01]'::daterange), ('[,infinity]')");
  Must(sql_.Execute("CREATE TYPE text_range AS RANGE (subtype = text, collation = \"C\")"));
  const std::string texts = kTexts;
  ExpectSameCells("text_range", "SELECT text_range(x, x || 'z', c) FROM " + texts +
                                    " v(x), (VALUES ('[)'), ('(]')) w(c)");
  ExpectSameCells("text_multirange",
                  "SELECT text_multirange(text_range(x, x || 'z'), "
                  "text_range('zz', NULL)) FROM " +
                      texts + " v(x)");
  ExpectSameCells("int4multirange", "VALUES ('{}'::int4multirange), ('{[1,2),[5,7)}'), ('{(,)}')");
  ExpectSameCells("tsmultirange", "VALUES ('{[2020-01-01,2021-01-01)}'::tsmultirange)");
  ExpectSameCells("int4range[]", "VALUES (ARRAY['[1,2)'::int4range, 'empty', NULL])");
  ExpectSameCells("text_range[]", "SELECT ARRAY[text_range(x, NULL)] FROM " + texts + " v(x)");
  ExpectSameCells("int4multirange[]", "VALUES (ARRAY['{[1,2),[3,4)}'::int4multirange])");
}

TEST_F(BinaryFormServerTest, EnumsDomainsAndCompositesNested) {
  const std::string texts = kTexts;
  Must(sql_.Execute(
      "CREATE TYPE mood AS ENUM ('sad', 'so-so', 'Very Happy', '', '\"q\"');"
      "CREATE DOMAIN positive AS int4 CHECK (value > 0); CREATE DOMAIN labels AS text[];"
      "CREATE DOMAIN very AS positive; CREATE TYPE pair AS (a text, b positive, c mood, d float8);"
      "CREATE TYPE deep AS (p pair, ps pair[], r int4range, l labels, b bytea, n numeric(5,2));"
      "CREATE TYPE nothing AS (); CREATE TYPE one AS (a text); CREATE DOMAIN a_pair AS pair;"
      "CREATE TABLE wide(a int, gone int, b text); ALTER TABLE wide DROP gone"));
  ExpectSameCells("mood", "SELECT unnest(enum_range(NULL::mood))");
  ExpectSameCells("mood[]", "SELECT enum_range(NULL::mood)");
  ExpectSameCells("very", "VALUES (1), (7)");
  ExpectSameCells("very[]", "VALUES (ARRAY[1, 7, NULL])");
  ExpectSameCells("labels", "SELECT ARRAY[x, NULL] FROM " + texts + " v(x)");
  ExpectSameCells("pair", "SELECT ROW(x, 5, m, 1e20)::pair FROM " + texts +
                              " v(x), unnest(enum_range(NULL::mood)) m UNION ALL SELECT "
                              "ROW(NULL, NULL, NULL, NULL)::pair");
  ExpectSameCells("a_pair", "SELECT ROW(x, 5, 'sad', -0.1)::pair FROM " + texts + " v(x)");
  ExpectSameCells("pair[]",
                  "SELECT ARRAY[ROW(x, 5, 'sad', 'NaN')::pair, NULL] FROM " + texts + " v(x)");
  ExpectSameCells("deep",
                  "SELECT ROW(p, ARRAY[p, p], '[1,5)', ARRAY[x], '\\x00ff', 1.5)::deep FROM "
                  "(SELECT x, ROW(x, 5, 'so-so', 0.1)::pair FROM " +
                      texts + " v(x)) w(x, p)");
  ExpectSameCells("deep[]",
                  "SELECT ARRAY[[ROW(p, ARRAY[p], 'empty', NULL, '', 2)::deep, NULL]] "
                  "FROM (SELECT ROW(x, 5, 'so-so', 0.1)::pair FROM " +
                      texts + " v(x)) w(p)");
  ExpectSameCells("one", "SELECT ROW(x)::one FROM " + texts + " v(x)");
  ExpectSameCells("wide", "VALUES (ROW(1, 'a b')::wide), (ROW(NULL, '')::wide)");
}

TEST_F(BinaryFormServerTest, ATypeThatIsNotReadIsRefusedByColumnAndType) {
  Must(sql_.Execute("DROP TABLE IF EXISTS v; CREATE TABLE v(c tsvector, d tsvector[])"));
  const auto types = Must(postgres::ReadTypes(sql_));
  const auto relation = Must(postgres::ReadRelations(sql_, {{"public", "v"}})).at(0);
  RowBuilder row;
  auto ok = AppendFromBinary(relation->columns[0], *types, "x", row);
  ASSERT_FALSE(ok.has_value());
  EXPECT_EQ(ok.error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(ok.error().message,
            "column c (tsvector): the binary form of tsvector is not read; follow it with pgoutput "
            "as text");
  const std::string array =
      FromHex(Must(sql_.Scalar("SELECT encode(array_send(ARRAY['a'::tsvector]), 'hex')")));
  ok = AppendFromBinary(relation->columns[1], *types, array, row);
  ASSERT_FALSE(ok.has_value());
  EXPECT_EQ(ok.error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace lockstep::model
