// A value that was copied at the attach and the same value from the stream are one, for every type
// and every plugin: a listener that attached before the rows were written holds what one that
// attached afterwards holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/consumer.h"
#include "model/output_plugin.h"
#include "model/relation.h"
#include "tests/consumer/consumer_fixture.h"

namespace lockstep::consumer {
namespace {

struct TypeCase {
  std::string type;
  std::vector<std::string> values;  // as SQL literals
  bool binary_form = true;          // read by pgoutput-binary
};

// Each type with the values at its ends.
const std::vector<TypeCase>& Cases() {
  static const std::vector<TypeCase> cases = {
      {"bool", {"'t'", "'f'"}},
      {"int2", {"'-32768'", "'0'", "'32767'"}},
      {"int4", {"'-2147483648'", "'2147483647'"}},
      {"int8", {"'-9223372036854775808'", "'9223372036854775807'"}},
      {"oid", {"'0'", "'4294967295'"}},
      {"xid8", {"'0'", "'18446744073709551615'"}, false},
      {"pg_lsn", {"'0/0'", "'FFFFFFFF/FFFFFFFF'"}, false},
      {"float4", {"'-0'", "'0.1'", "'1e-45'", "'3.4028235e38'", "'NaN'", "'-Infinity'"}},
      {"float8",
       {"'-0'", "'0.1'", "'5e-324'", "'1.7976931348623157e308'", "'NaN'", "'Infinity'",
        "'-Infinity'", "'29670963641469088'"}},
      {"numeric",
       {"'0'", "'-0.000'", "'1e1000'", "'1e-1000'", "'123456789012345678901234567890.0900'",
        "'NaN'", "'Infinity'", "'-Infinity'", "'10000'", "'-0.00001'"}},
      {"numeric(10,2)", {"'12.3'", "'-99999999.99'", "'NaN'"}},
      {"money", {"'12.34'", "'-92233720368547758.08'", "'92233720368547758.07'", "'0'"}},
      {"text",
       {"''", "E'tab\\tline\\nreturn\\rback\\\\slash'", "'\\N'", "'grün 漢字 \U0001F600'", "'null'",
        "E'quote \" '' \\u0001 \\u001f'", "repeat('long ', 20000)"}},
      {"varchar(9)", {"''", "'123456789'", "'  x  '"}},
      {"char(5)", {"''", "'ab'", "'a   b'"}},
      {"\"char\"", {"'a'", "''", "'\\377'"}},
      {"name", {"''", "'Quoted \"name\"'"}},
      {"bytea", {"''", "'\\x00'", "'\\x5c78ff00'", "decode(repeat('00ff', 30000), 'hex')"}},
      {"date",
       {"'4714-11-24 BC'", "'5874897-12-31'", "'0001-01-01'", "'2024-02-29'", "'infinity'",
        "'-infinity'"}},
      {"time", {"'00:00'", "'24:00'", "'23:59:59.999999'", "'12:34:56.1'"}},
      {"timetz", {"'12:00+05:30'", "'00:00+15:59:59'", "'24:00-15:59:59'", "'12:00:00.5-00'"}},
      {"timestamp",
       {"'4714-11-24 00:00 BC'", "'294276-12-31 23:59:59.999999'", "'infinity'", "'-infinity'",
        "'2000-01-01'", "'1969-12-31 23:59:59.999999'"}},
      {"timestamptz",
       {"'4714-11-24 00:00+00 BC'", "'294276-12-31 23:59:59.999999+00'", "'infinity'",
        "'-infinity'", "'2024-03-31 02:30:00.5+02'"}},
      {"interval",
       {"'0'", "'1 year -2 mons 3 days -04:05:06.7'", "'-1 day +23:59:59.999999'",
        "'178000000 years'", "'-00:00:00.000001'", "'2562047788:00:54.775807'"}},
      {"uuid",
       {"'00000000-0000-0000-0000-000000000000'", "'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'"}},
      {"json", {"'{\"a\":  1,\"a\":2}'", "'null'", "'\"\\u00e9 \\n\"'", "' [1e400 ]'"}},
      {"jsonb", {"'{\"b\":  1,\"a\":{\"x\":[]}}'", "'null'", "'1e400'", "'\"\\u00e9 \\n\"'"}},
      {"xml", {"'<a b=\"c\">d</a>'", "''", "'text &amp; more'"}},
      {"bit(5)", {"B'10101'", "B'00000'"}},
      {"varbit", {"B''", "B'1'", "B'101010101'"}},
      {"point", {"'(0.1,-1e300)'", "'(NaN,Infinity)'", "'(-0,0)'"}},
      {"line", {"'{1,-1,0}'"}, false},
      {"lseg", {"'[(0,0),(1,0.1)]'"}, false},
      {"box", {"'(1,1),(0,0)'"}, false},
      {"path", {"'((0,0),(1,1))'", "'[(0,0),(1,1)]'"}, false},
      {"polygon", {"'((0,0),(1,1),(0,1))'"}, false},
      {"circle", {"'<(0,0),0.1>'"}, false},
      {"inet", {"'10.0.0.1'", "'10.0.0.0/8'", "'::1'", "'::ffff:1.2.3.4'", "'2001:db8::/32'"}},
      {"cidr", {"'10.0.0.0/8'", "'2001:db8::/32'"}},
      {"macaddr", {"'08:00:2b:01:02:03'"}, false},
      {"macaddr8", {"'08:00:2b:01:02:03:04:05'"}, false},
      {"tsvector", {"'a:1A b:2,3'", "''"}, false},
      {"tsquery", {"'a & !b'", "''"}, false},
      {"int4range", {"'empty'", "'[1,5)'", "'(,)'", "'[-5,]'"}},
      {"numrange", {"'[1.50,2.0]'", "'(,1)'"}},
      {"tstzrange", {"'[2024-01-01 00:00+00,infinity)'", "'empty'"}},
      {"daterange", {"'[2024-01-01,2024-02-01]'"}},
      {"nummultirange", {"'{}'", "'{[1.5,2),(3,)}'"}},
      {"s.mood", {"'sad'", "'Very Happy'"}},
      {"s.price", {"'1.5'", "'0'"}},
      {"s.yes", {"'t'"}},
      {"s.blob", {"'\\x00ff'"}},
      {"s.pair", {"'(1,\"a \"\"b\"\" \\\\ ,)\")'", "'(,)'", "'(2,\"\")'"}},
      {"int4[]", {"'{}'", "'{1,NULL,-3}'", "'{{1,2},{3,4}}'", "'[0:1]={1,2}'"}},
      {"text[]", {"'{\"\",NULL,\"null\",\"a b\",\"q\\\"\\\\\",\"{}\"}'"}},
      {"float8[]", {"'{0.1,NaN,-Infinity,29670963641469088}'"}},
      {"numeric[]", {"'{1.50,NaN,0.000}'"}},
      {"bytea[]", {"ARRAY['\\x00ff', '']::bytea[]"}},
      {"timestamptz[]", {"'{\"2024-01-01 00:00+00\",infinity}'"}},
      {"s.mood[]", {"'{sad,NULL,\"Very Happy\"}'"}},
      {"s.pair[]", {"ARRAY[ROW(1, 'x,y')::s.pair, NULL]"}},
  };
  return cases;
}

class TypesTest : public ConsumerFixture, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    ConsumerFixture::SetUp();
    Write(
        "CREATE TYPE s.mood AS ENUM ('sad', 'Very Happy'); CREATE TYPE s.pair AS (a int, b text);"
        "CREATE DOMAIN s.price AS numeric(10,2); CREATE DOMAIN s.yes AS bool;"
        "CREATE DOMAIN s.blob AS bytea; CREATE PUBLICATION types FOR ALL TABLES");
  }
  void TearDown() override {
    Write("DROP PUBLICATION IF EXISTS types");
    ConsumerFixture::TearDown();
  }
  static Follow AttachAs(const std::string& slot) {
    ConsumerOptions options = Options(slot);
    options.plugin = GetParam();
    options.publications = {"types"};
    return Follow(Must(Consumer::Attach(options)));
  }
  static bool IsRead(const TypeCase& one) {
    const model::LossSet losses = model::LossesOf(GetParam(), {.server = Sql().server_version()});
    return one.binary_form || !losses.Has(model::Loss::kBinaryForm);
  }
};

INSTANTIATE_TEST_SUITE_P(EachPlugin, TypesTest,
                         testing::Values("decoderbufs", "wal2json", "pgoutput", "pgoutput-binary"),
                         [](const auto& plugin) {
                           std::string name = plugin.param;
                           std::erase(name, '-');
                           return name;
                         });

// One column a type, one row a value; a row of nulls.
TEST_P(TypesTest, WhatWasCopiedEqualsWhatWasStreamed) {
  std::string columns = "id int PRIMARY KEY";
  std::vector<std::string> rows = {"INSERT INTO s.types(id) VALUES (0)"};
  std::vector<std::string> shown = {"nulls"};
  for (std::size_t i = 0; i < Cases().size(); ++i) {
    const TypeCase& one = Cases()[i];
    if (!IsRead(one)) continue;
    const std::string column = "c" + std::to_string(i);
    columns += ", " + column + " " + one.type;
    for (const std::string& value : one.values) {
      rows.push_back("INSERT INTO s.types(id, " + column + ") VALUES (" +
                     std::to_string(rows.size()) + ", " + value + ")");
      shown.push_back(one.type + " " + value.substr(0, 60));
    }
  }
  Write("CREATE TABLE s.types(" + columns + ")");
  Follow before = AttachAs("before");
  for (const std::string& row : rows) Write(row);
  // As whole old rows too, and as new ones of an UPDATE.
  Write("ALTER TABLE s.types REPLICA IDENTITY FULL");
  Write("UPDATE s.types SET id = -id");
  before.UntilReceived(InsertLsn());
  Follow after = AttachAs("after");

  const model::Database& streamed = before->replica().database();
  const model::Database& copied = after->replica().database();
  EXPECT_EQ(ToString(streamed.digest()), ToString(copied.digest()));
  const std::uint32_t table = streamed.FindTable("s", "types").value();
  EXPECT_EQ(copied.table(table).rows().size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const model::Row key = model::MakeRow({model::Value(-static_cast<std::int64_t>(i))});
    const model::Row* one = streamed.table(table).Find(key);
    const model::Row* other = copied.table(table).Find(key);
    ASSERT_NE(one, nullptr) << shown[i];
    ASSERT_NE(other, nullptr) << shown[i];
    EXPECT_EQ(*one, *other) << shown[i];
  }
  Must(before->Detach());
  Must(after->Detach());
}

}  // namespace
}  // namespace lockstep::consumer
