#include "postgres/type_reader.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include "model/relation.h"
#include "model/type_oid.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using model::Oid;
using model::Type;
using model::TypeKind;

Oid OidOf(std::string_view text) {
  std::uint32_t oid = 0;
  std::from_chars(text.data(), text.data() + text.size(), oid);
  return Oid{oid};
}

class TypeReaderTest : public ClusterFixture {
 protected:
  static Oid Named(const std::string& type) {
    return OidOf(Must(Sql().Scalar("SELECT '" + type + "'::regtype::oid")));
  }
};

TEST_F(TypeReaderTest, EveryKindHasWhatItIsMadeOf) {
  Must(Sql().Execute(
      "CREATE SCHEMA s; CREATE DOMAIN s.inner_domain AS int4; CREATE DOMAIN s.outer_domain AS "
      "s.inner_domain; CREATE TYPE s.mood AS ENUM ('ok'); CREATE TYPE s.pair AS (a int, b text);"
      "CREATE TYPE s.text_range AS RANGE (subtype = text); CREATE TABLE s.\"T q\"(a int)"));
  Connection sql = Sql();
  const auto types = Must(ReadTypes(sql));
  EXPECT_TRUE(types->is_complete());
  const auto expect = [&](const char* name, TypeKind kind, Oid related, const char* printed) {
    const Oid oid = Named(name);
    const Type* type = types->Find(oid);
    ASSERT_NE(type, nullptr) << name;
    EXPECT_EQ(*type, (Type{oid, kind, related, printed})) << name;
  };
  expect("s.outer_domain", TypeKind::kDomain, Named("s.inner_domain"), "s.outer_domain");
  expect("s.mood", TypeKind::kEnum, Oid{}, "s.mood");
  expect("s.mood[]", TypeKind::kArray, Named("s.mood"), "s.mood[]");
  expect("s.pair", TypeKind::kComposite, Oid{}, "s.pair");
  expect("s.\"T q\"", TypeKind::kComposite, Oid{}, "s.\"T q\"");
  expect("s.text_range", TypeKind::kRange, model::type_oid::kText, "s.text_range");
  expect("s.text_multirange", TypeKind::kMultirange, Named("s.text_range"), "s.text_multirange");
  expect("int4", TypeKind::kBase, Oid{}, "integer");
  expect("int2vector", TypeKind::kBase, Oid{}, "int2vector");
  expect("box[]", TypeKind::kArray, model::type_oid::kBox, "box[]");
  EXPECT_EQ(types->BaseOf(Named("s.outer_domain")), model::type_oid::kInt4);
}

// The table of built-in types is what the server has.
TEST_F(TypeReaderTest, TheBuiltInTypesAreTheServers) {
  Connection sql = Sql();
  const auto types = Must(ReadTypes(sql));
  const model::TypeCatalog built_in;
  int found = 0;
  constexpr std::uint32_t kFirstUnpinned = 12'000;
  for (std::uint32_t oid = 1; oid < kFirstUnpinned; ++oid) {
    const Type* known = built_in.Find(Oid{oid});
    if (!known) continue;
    const Type* read = types->Find(Oid{oid});
    ASSERT_NE(read, nullptr) << known->name;
    EXPECT_EQ(*known, *read) << known->name;
    ++found;
  }
  EXPECT_GT(found, 100);
}

// Every modifier that a type can have, as the server prints it.
TEST_F(TypeReaderTest, TypesAreFormattedAsTheServerFormatsThem) {
  Connection sql = Sql();
  Must(sql.Execute(
      "CREATE TABLE formats(a varchar(7), b varchar, c char(3), d bpchar, e numeric, f numeric(5),"
      "g numeric(10,2), h numeric(5,-3), i numeric(3,7), j bit(5), k varbit(6), l varbit,"
      "m time(0), n timetz(3), o timestamp(2), p timestamptz(6), q timestamptz, r interval,"
      "s interval(3), t interval year, u interval year to month, v interval day to second(2),"
      "w interval hour to minute, x varchar(5)[], y numeric(4,1)[][], z \"char\", "
      "aa interval second(1), ab char, ac bit, ad money, ae interval day to hour, af int8range, "
      "ag interval month, ah interval minute to second)"));
  const auto types = Must(ReadTypes(sql));
  const auto rows = Must(Ours().Execute(
      "SELECT atttypid, atttypmod, format_type(atttypid, atttypmod) FROM pg_attribute "
      "WHERE attrelid = 'public.formats'::regclass AND attnum > 0"));
  ASSERT_EQ(rows.rows(), 34);
  for (int row = 0; row < rows.rows(); ++row) {
    const Type* type = types->Find(OidOf(rows.Text(row, 0)));
    ASSERT_NE(type, nullptr);
    EXPECT_EQ(FormatType(*types, *type, std::stoi(std::string(rows.Text(row, 1)))),
              rows.Text(row, 2));
  }
}

}  // namespace
}  // namespace lockstep::postgres
