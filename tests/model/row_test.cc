#include "model/row.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace lockstep::model {
namespace {

// Canonical bytes written by hand: "i\x01\x05" and so on, zero bytes included.
template <std::size_t size>
std::string Raw(const char (&bytes)[size]) {
  return std::string(bytes, size - 1);
}

std::string Encoded(const Value& value) { return std::string(MakeRow({value}).bytes()); }

std::string Reencoded(const Row& row) {
  RowBuilder builder;
  for (const Cell& cell : row) builder.Add(cell);
  return std::string(builder.Build().bytes());
}

bool Accepts(std::string bytes) { return Row::FromCanonical(std::move(bytes)).has_value(); }

const std::vector<std::int64_t>& EdgeIntegers() {
  static const std::vector<std::int64_t> kIntegers = [] {
    std::vector<std::int64_t> integers = {0, INT64_MIN, INT64_MAX};
    for (int bits = 0; bits < 63; ++bits) {
      for (std::int64_t near : {-1, 0, 1}) {
        integers.push_back((std::int64_t{1} << bits) + near);
        integers.push_back(-(std::int64_t{1} << bits) + near);
      }
    }
    return integers;
  }();
  return kIntegers;
}

const std::string& LongText() {
  static const std::string kText(300, 'x');  // its length takes two bytes of varint
  return kText;
}

// One row with every kind of cell.
Row RowOfEverything() {
  RowBuilder builder;
  for (const Value& value : std::vector<Value>{Null{},
                                               true,
                                               false,
                                               std::int64_t{0},
                                               std::int64_t{-129},
                                               INT64_MIN,
                                               1.5,
                                               -0.0,
                                               std::numeric_limits<double>::quiet_NaN(),
                                               Numeric{"-1.50"},
                                               Text{""},
                                               Text{"käse"},
                                               Text{LongText()},
                                               Bytes{std::string_view("\0\xff", 2)},
                                               Date{Date::kInfinity},
                                               Date{-1},
                                               Time{86'400'000'000},
                                               Timestamp{Timestamp::kMinusInfinity},
                                               Timestamp{-1},
                                               Uuid{{1, 2, 3}},
                                               Other{"interval", "1 mon"},
                                               Other{"", ""}}) {
    builder.Add(value);
  }
  builder.Add(Cell(Unchanged{}));
  builder.Add(Cell(NotInIdentity{}));
  builder.Add(Cell(NotSent{}));
  return builder.Build();
}

TEST(RowTest, CellsComeBackAsTheyWereAdded) {
  const Row row = MakeRow({std::int64_t{7}, Text{"a"}, Null{}, Other{"inet", "::1"}});
  EXPECT_EQ(row.CountColumns(), 4u);
  EXPECT_EQ(row.At(0), Cell(Value(std::int64_t{7})));
  EXPECT_EQ(row.At(1), Cell(Value(Text{"a"})));
  EXPECT_EQ(row.At(2), Cell(Value(Null{})));
  EXPECT_EQ(row.At(3), Cell(Value(Other{"inet", "::1"})));
}

TEST(RowTest, EncodesAsItsGrammarSays) {
  EXPECT_EQ(Encoded(Null{}), Raw("n\0"));
  EXPECT_EQ(Encoded(true), Raw("b\x01\x01"));
  EXPECT_EQ(Encoded(std::int64_t{0}), Raw("i\0"));
  EXPECT_EQ(Encoded(std::int64_t{-1}), Raw("i\x01\xff"));
  EXPECT_EQ(Encoded(std::int64_t{128}), Raw("i\x02\x80\0"));
  EXPECT_EQ(Encoded(1.0), Raw("f\x08\0\0\0\0\0\0\xf0\x3f"));
  EXPECT_EQ(Encoded(Numeric{"1.50"}), Raw("d\x04"
                                          "1.50"));
  EXPECT_EQ(Encoded(Date{-2}), Raw("D\x04\xfe\xff\xff\xff"));
  EXPECT_EQ(Encoded(Time{1}), Raw("T\x08\x01\0\0\0\0\0\0\0"));
  EXPECT_EQ(Encoded(Timestamp{256}), Raw("S\x08\0\x01\0\0\0\0\0\0"));
  EXPECT_EQ(Encoded(Other{"money", "$1"}), Raw("o\x08\x05money$1"));
}

TEST(RowTest, EveryIntegerComesBackInItsShortestForm) {
  for (std::int64_t integer : EdgeIntegers()) {
    const Row row = MakeRow({integer});
    EXPECT_EQ(row.At(0), Cell(Value(integer)));
    EXPECT_TRUE(Accepts(std::string(row.bytes()))) << integer;
    EXPECT_LE(row.bytes().size(), 2u + 8u);
  }
}

TEST(RowTest, LongerFormsOfAnIntegerAreRefused) {
  for (std::int64_t integer : EdgeIntegers()) {
    std::string bytes = Encoded(integer);
    const char sign = integer < 0 ? '\xff' : '\0';
    for (char width = static_cast<char>(bytes[1] + 1); width <= 9; ++width) {
      bytes[1] = width;
      bytes.push_back(sign);
      EXPECT_FALSE(Accepts(bytes)) << integer << " in " << int{width} << " bytes";
    }
  }
}

TEST(RowTest, EveryNanIsOneValue) {
  EXPECT_EQ(Encoded(std::nan("1")), Encoded(-std::nan("2")));
  EXPECT_FALSE(Accepts(Raw("f\x08\x01\0\0\0\0\0\xf8\x7f")));
  EXPECT_FALSE(Accepts(Raw("f\x08\0\0\0\0\0\0\xf8\xff")));
}

TEST(RowTest, KindsWithTheSameBytesDiffer) {
  EXPECT_NE(MakeRow({Text{"1"}}), MakeRow({Numeric{"1"}}));
  EXPECT_NE(MakeRow({Text{"1"}}), MakeRow({Bytes{"1"}}));
  EXPECT_NE(MakeRow({Text{""}}), MakeRow({Null{}}));
  EXPECT_NE(MakeRow({Time{1}}), MakeRow({Timestamp{1}}));
  EXPECT_NE(MakeRow({std::int64_t{1}}), MakeRow({Text{"1"}}));
  EXPECT_NE(MakeRow({0.0}), MakeRow({-0.0}));
}

TEST(RowTest, TheBorderBetweenCellsCounts) {
  EXPECT_NE(MakeRow({Text{"ab"}, Text{"c"}}), MakeRow({Text{"a"}, Text{"bc"}}));
  EXPECT_NE(MakeRow({Other{"ab", "c"}}), MakeRow({Other{"a", "bc"}}));
}

TEST(RowTest, OnlyValuesMakeARowComplete) {
  for (const Cell& cell : {Cell(Unchanged{}), Cell(NotInIdentity{}), Cell(NotSent{})}) {
    RowBuilder builder;
    builder.Add(Value(Null{}));
    builder.Add(cell);
    const Row row = builder.Build();
    EXPECT_FALSE(row.IsComplete());
    EXPECT_EQ(row.At(1), cell);
  }
  EXPECT_TRUE(MakeRow({Null{}, Text{"-"}}).IsComplete());
  EXPECT_TRUE(Row().IsComplete());
}

TEST(RowTest, BuilderIsEmptyAfterBuildAndClear) {
  RowBuilder builder;
  builder.Add(Value(true));
  EXPECT_EQ(builder.Build().CountColumns(), 1u);
  EXPECT_EQ(builder.Build(), Row());
  builder.Add(Value(true));
  builder.Clear();
  EXPECT_EQ(builder.Build(), Row());
}

TEST(RowTest, SplitCellsJoinToTheSameRow) {
  const Row row = RowOfEverything();
  std::vector<std::string_view> cells = {"left over"};
  SplitCells(row, cells);
  ASSERT_EQ(cells.size(), row.CountColumns());
  RowBuilder builder;
  for (std::string_view cell : cells) builder.AddEncoded(cell);
  EXPECT_EQ(builder.Build(), row);
}

TEST(FromCanonicalTest, AcceptsWhatARowHolds) {
  const Row row = RowOfEverything();
  EXPECT_EQ(Row::FromCanonical(std::string(row.bytes())), row);
  EXPECT_EQ(Row::FromCanonical(std::string(row.bytes()), row.CountColumns()), row);
  EXPECT_EQ(Row::FromCanonical("", 0), Row());
  EXPECT_EQ(Reencoded(row), row.bytes());
}

TEST(FromCanonicalTest, AnotherNumberOfColumnsIsAnError) {
  const std::string bytes = Encoded(true);
  for (std::size_t columns : {0u, 2u}) {
    auto row = Row::FromCanonical(bytes, columns);
    ASSERT_FALSE(row.has_value());
    EXPECT_EQ(row.error().kind, ErrorKind::kMalformed);
  }
}

TEST(FromCanonicalTest, TheErrorSaysWhere) {
  auto row = Row::FromCanonical(Encoded(Text{"abc"}) + "?\0");
  ASSERT_FALSE(row.has_value());
  EXPECT_NE(row.error().message.find("offset 5"), std::string::npos) << row.error().message;
}

TEST(FromCanonicalTest, MalformedCellsAreRefused) {
  for (const std::string& bytes : {
           Raw("n"),       // no length
           Raw("n\x01x"),  // null with a payload
           Raw("b\0"),
           Raw("b\x01\x02"),
           Raw("b\x02\0\0"),  // neither false nor true
           Raw("i\x01\0"),
           Raw("i\x02\x01\0"),          // not the shortest form
           Raw("f\x07\0\0\0\0\0\0\0"),  // not eight bytes
           Raw("D\x03\0\0\0"),
           Raw("T\x01\0"),
           Raw("S\0"),              // not their width
           Raw("u\x0f"              // fifteen bytes of uuid
               "123456789abcdef"),  //
           Raw("o\0"),
           Raw("o\x01\x01"),
           Raw("o\x02\x80\0"),                                    // bad length of the type's name
           Raw("t\x02x"),                                         // cut off
           Raw("t\x81\0x"),                                       // length not in shortest form
           Raw("t\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),      // 2^64 - 1 bytes
           Raw("t\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),      // more than 64 bits
           Raw("t\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),  // eleven bytes
           Raw("U\x01x"),
           Raw("I\x01x"),
           Raw("-\x01x"),
           Raw("z\0"),  // no such cells
       }) {
    EXPECT_FALSE(Accepts(bytes)) << testing::PrintToString(bytes);
  }
}

TEST(FromCanonicalTest, AProperPrefixIsNeverTheRow) {
  const Row row = RowOfEverything();
  for (std::size_t size = 0; size < row.bytes().size(); ++size) {
    const std::string prefix(row.bytes().substr(0, size));
    EXPECT_FALSE(Row::FromCanonical(prefix, row.CountColumns()).has_value()) << size;
    if (auto shorter = Row::FromCanonical(prefix)) {
      EXPECT_EQ(Reencoded(*shorter), prefix);
    }
  }
}

// Bytes changed, put in and taken out at random places of a good row.
std::string Corrupted(std::string bytes, std::mt19937_64& random) {
  for (std::uint64_t times = 1 + random() % 3; times > 0 && !bytes.empty(); --times) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      case 2:
        bytes.insert(at, 1, static_cast<char>(random()));
        break;
      case 3:
        bytes.erase(at, 1 + random() % 4);
        break;
    }
  }
  return bytes;
}

TEST(FromCanonicalTest, CorruptedBytesAreRefusedOrCanonical) {
  constexpr std::uint64_t kSeed = 20240229;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937_64 random(kSeed);
  const std::vector<std::string> rows = {
      std::string(RowOfEverything().bytes()),
      Encoded(std::int64_t{-300}) + Encoded(2.5) + Encoded(Numeric{"NaN"}),
      Encoded(Other{"interval", "1 day"}) + Encoded(Uuid{}) + Encoded(Date{1}),
  };
  int accepted = 0;
  for (int i = 0; i < 6000; ++i) {
    const std::string bytes = Corrupted(rows[random() % rows.size()], random);
    auto row = Row::FromCanonical(bytes);
    if (!row) continue;
    ++accepted;
    ASSERT_EQ(row->bytes(), bytes);
    ASSERT_EQ(Reencoded(*row), bytes);
  }
  EXPECT_GT(accepted, 100);  // else the corruptions are too coarse to test the second half
}

TEST(VarintTest, ReadsWhatItAppends) {
  for (int bits = 0; bits < 64; ++bits) {
    const std::uint64_t value = std::uint64_t{1} << bits;
    for (std::uint64_t number : {value - 1, value, value + 1, ~value}) {
      std::string bytes;
      AppendVarint(number, bytes);
      bytes += "rest";
      std::string_view rest = bytes;
      std::uint64_t read = 0;
      ASSERT_TRUE(ReadVarint(rest, read));
      EXPECT_EQ(read, number);
      EXPECT_EQ(rest, "rest");
    }
  }
}

}  // namespace
}  // namespace lockstep::model
