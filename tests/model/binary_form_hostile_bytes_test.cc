// Bytes that no send function gives: every prefix and random corruptions of well-formed values, and
// counts that promise more than there is, end in a value or a typed error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "model/binary_form.h"
#include "model/binary_scalar.h"
#include "model/error.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/text_form.h"
#include "model/type_catalog.h"
#include "model/type_oid.h"

namespace lockstep::model {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::string_literals;
using namespace type_oid;

constexpr Oid kPair{20'001};
constexpr Oid kPairArray{20'000};
constexpr Oid kInt4Array{1007};
constexpr Oid kTextArray{1009};
constexpr Oid kInt4Range{3904};
constexpr Oid kInt4Multirange{4451};
constexpr Oid kRing{20'002};

TypeCatalog Types() {
  return TypeCatalog({{kPair, TypeKind::kComposite, {}, "pair"},
                      {kPairArray, TypeKind::kArray, kPair, "pair[]"},
                      {kRing, TypeKind::kArray, kRing, "ring"}});
}

std::string U16(std::uint32_t n) { return {static_cast<char>(n >> 8), static_cast<char>(n)}; }
std::string U32(std::uint32_t n) { return U16(n >> 16) + U16(n & 0xFFFF); }
std::string Part(const std::string& value) {
  return U32(static_cast<std::uint32_t>(value.size())) + value;
}

Result<Row> Read(Oid type, std::string_view bytes) {
  // A buffer of exactly this size, so that asan sees a read past it.
  const std::vector<char> copy(bytes.begin(), bytes.end());
  static const TypeCatalog types = Types();
  RowBuilder builder;
  auto ok = AppendFromBinary({.name = "c", .type = type, .type_name = "the type"}, types,
                             {copy.data(), copy.size()}, builder);
  Row row = builder.Build();
  if (ok) return row;
  EXPECT_EQ(row, Row()) << "nothing is added on an error";
  EXPECT_THAT(ok.error().message, StartsWith("column c (the type): "));
  return std::unexpected(std::move(ok.error()));
}

struct Sample {
  Oid type;
  std::string bytes;
  bool any_prefix = false;  // of texts and bytes every prefix is a value
};

std::vector<Sample> Samples() {
  const std::string pair = U32(2) + U32(25) + Part("a \"b\"") + U32(23) + Part(U32(7));
  const std::string range = "\x02"s + Part(U32(1)) + Part(U32(5));
  return {
      {kBool, "\x01"s},
      {kInt2, U16(1)},
      {kInt8, U32(1) + U32(2)},
      {kNumeric, U16(2) + U16(0) + U16(0x4000) + U16(2) + U16(12) + U16(3400)},
      {kText, "text", true},
      {kChar, "x"},
      {kDate, U32(8825)},
      {kTimestamp, U32(0) + U32(1)},
      {kTime, U32(0) + U32(1)},
      {kTimetz, U32(0) + U32(1) + U32(3600)},
      {kInterval, U32(0) + U32(1) + U32(2) + U32(3)},
      {kUuid, std::string(16, 'u')},
      {kInet, "\x02\x20\x00\x04\x01\x02\x03\x04"s},
      {kVarbit, U32(9) + "\xff\x80"},
      {kPath, "\x01"s + U32(1) + std::string(16, '\0')},
      {kPolygon, U32(1) + std::string(16, '\0')},
      {kCircle, std::string(24, '\0')},
      {kInt4Array, U32(1) + U32(1) + U32(23) + U32(2) + U32(1) + Part(U32(5)) + U32(0xFFFFFFFF)},
      {kTextArray, U32(2) + U32(0) + U32(25) + U32(1) + U32(0) + U32(1) + U32(1) + Part("a,b")},
      {kInt4Range, range},
      {kInt4Multirange, U32(1) + Part(range)},
      {kPair, pair},
      {kPairArray, U32(1) + U32(0) + U32(20'001) + U32(1) + U32(1) + Part(pair)},
  };
}

TEST(BinaryFormHostileBytesTest, EverySampleIsAValueAndNoProperPrefixOrLongerOneIs) {
  for (const Sample& sample : Samples()) {
    ASSERT_TRUE(Read(sample.type, sample.bytes).has_value()) << sample.type.value;
    if (sample.any_prefix) continue;
    for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
      auto row = Read(sample.type, std::string_view(sample.bytes).substr(0, size));
      ASSERT_FALSE(row.has_value()) << sample.type.value << ", " << size << " bytes";
      EXPECT_EQ(row.error().kind, ErrorKind::kMalformed);
      EXPECT_THAT(row.error().message, HasSubstr(" at byte "));
    }
    EXPECT_FALSE(Read(sample.type, sample.bytes + "x").has_value()) << sample.type.value;
  }
}

TEST(BinaryFormHostileBytesTest, CorruptValuesEndInAnErrorOrAValue) {
  const char* seed = std::getenv("LOCKSTEP_TEST_SEED");
  const std::uint64_t number = seed ? std::strtoull(seed, nullptr, 10) : 42;
  std::printf("seed %ju; repeat another with --test_env=LOCKSTEP_TEST_SEED=n\n",
              static_cast<std::uintmax_t>(number));
  std::mt19937_64 random(number);
  int values = 0;
  int errors = 0;
  for (const Sample& sample : Samples()) {
    for (int i = 0; i < 20'000; ++i) {
      std::string bytes = sample.bytes;
      for (auto n = 1 + random() % 4; n > 0; --n)
        bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
      if (random() % 4 == 0) bytes.erase(random() % bytes.size(), 1);
      auto row = Read(sample.type, bytes);
      ++(row ? values : errors);
      if (row) {
        EXPECT_EQ(row->CountColumns(), 1u);
        (void)Describe(sample.type, row->At(0));
      } else {
        ASSERT_THAT(row.error().kind,
                    AnyOf(ErrorKind::kMalformed, ErrorKind::kMisfit, ErrorKind::kUnsupported));
      }
    }
  }
  std::printf("%d values, %d errors\n", values, errors);
  EXPECT_GT(values, 10'000);
  EXPECT_GT(errors, 10'000);
}

TEST(BinaryFormHostileBytesTest, CountsThatPromiseMoreThanThereIsAreRefused) {
  const auto expect_refused = [](Oid type, const std::string& bytes, const char* what) {
    auto row = Read(type, bytes);
    ASSERT_FALSE(row.has_value()) << what;
    EXPECT_THAT(row.error().message, HasSubstr(what));
  };
  const std::string head = U32(0) + U32(23);
  expect_refused(kInt4Array, U32(7) + head, "7 dimensions");
  expect_refused(kInt4Array, U32(1) + U32(0) + U32(25), "elements of type OID 25, expected at");
  expect_refused(kInt4Array, U32(1) + head + U32(0x7FFFFFFE) + U32(1), "more elements than");
  expect_refused(kInt4Array, U32(2) + head + U32(0x10000) + U32(1) + U32(0x10000) + U32(1),
                 "more elements than");
  expect_refused(kInt4Array, U32(1) + head + U32(1) + U32(0x7FFFFFFF) + Part(U32(1)), "bounds");
  expect_refused(kInt4Array, U32(1) + head + U32(0) + U32(1), "bounds");
  expect_refused(kVarbit, U32(0xFFFFFFFF), "beyond the value");
  expect_refused(kPolygon, U32(0xFFFFFFFF), "beyond the value");
  expect_refused(kPair, U32(0xFFFFFFFF), "field type at byte 4: cut off");
  expect_refused(kPair, U32(1) + U32(25) + U32(0xFFFFFFFE), "length at byte 8: is negative");
  expect_refused(kPair, U32(1) + U32(99'999) + Part("x"), "type OID 99999 was not there");
  expect_refused(kInt4Range, "\x02"s + U32(0xFFFFFFFF) + U32(0xFFFFFFFF), "is null");
  expect_refused(kInt4Multirange, U32(1) + U32(0xFFFFFFFF), "is null");
}

TEST(BinaryFormHostileBytesTest, ValuesWithinThemselvesDoNotTakeTheStack) {
  std::string bytes = U32(0) + U32(0) + U32(kRing.value);
  for (int depth = 0; depth < 5'000; ++depth)
    bytes = U32(1) + U32(0) + U32(kRing.value) + U32(1) + U32(1) + Part(bytes);
  auto row = Read(kRing, bytes);
  ASSERT_FALSE(row.has_value());
  EXPECT_EQ(row.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(row.error().message, HasSubstr("deep"));
}

TEST(BinaryFormHostileBytesTest, ShortBytesOfAVeryLongTextAreRefused) {
  const std::string number = U16(1) + U16(0x7FFF) + U16(0) + U16(0) + U16(1);
  const std::uint32_t count = kLongestText / 131'069 + 1;
  std::string bytes = U32(1) + U32(0) + U32(1700) + U32(count) + U32(1);
  for (std::uint32_t i = 0; i < count; ++i) bytes += Part(number);
  auto row = Read(Oid{1231}, bytes);
  ASSERT_FALSE(row.has_value());
  EXPECT_EQ(row.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(row.error().message, HasSubstr("longer than 256 MB"));
}

TEST(BinaryFormHostileBytesTest, NumbersThatContradictThemselvesAreRefused) {
  for (const std::string& bytes :
       {U16(0) + U16(0) + U16(0x4000) + U16(0), U16(0) + U16(1) + U16(0) + U16(0),
        U16(1) + U16(0) + U16(0) + U16(0) + U16(10'000), U16(1) + U16(0) + U16(0) + U16(0) + U16(0),
        U16(1) + U16(0) + U16(0xC000) + U16(0) + U16(1), U16(0) + U16(0) + U16(1) + U16(0),
        U16(0) + U16(0) + U16(0) + U16(0x4000)}) {
    EXPECT_FALSE(Read(kNumeric, bytes).has_value());
  }
}

}  // namespace
}  // namespace lockstep::model
