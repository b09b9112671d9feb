#include "model/digest.h"

#include <gtest/gtest.h>

namespace lockstep::model {
namespace {

TableDigest DigestOf(std::initializer_list<std::string_view> rows) {
  TableDigest digest;
  for (std::string_view row : rows) digest.Add(row);
  return digest;
}

TEST(DigestTest, AdditionCarriesIntoTheHighHalf) {
  Digest digest{0, UINT64_MAX};
  digest += Digest{0, 1};
  EXPECT_EQ(digest, (Digest{1, 0}));
  digest -= Digest{0, 1};
  EXPECT_EQ(digest, (Digest{0, UINT64_MAX}));
}

TEST(DigestTest, SubtractionUndoesAddition) {
  const Digest start = HashBytes("start");
  Digest digest = start;
  for (std::string_view bytes : {"a", "b", "c", ""}) digest += HashBytes(bytes);
  for (std::string_view bytes : {"b", "", "a", "c"}) digest -= HashBytes(bytes);
  EXPECT_EQ(digest, start);
}

TEST(DigestTest, PrintsThirtyTwoDigitsAndParsesThem) {
  const Digest digest{0x1, 0xABCDEF};
  EXPECT_EQ(ToString(digest), "00000000000000010000000000abcdef");
  EXPECT_EQ(ParseDigest(ToString(digest)), digest);
}

TEST(DigestTest, RefusesWhatIsNotADigest) {
  for (const char* text :
       {"", "0", "0000000000000001-000000000abcdef", "g0000000000000000000000000000000",
        "000000000000000000000000000000000"}) {
    EXPECT_FALSE(ParseDigest(text).has_value()) << text;
  }
}

// Digests travel between processes and stand in reports: another value is another format.
TEST(DigestTest, HashIsPartOfTheFormat) {
  EXPECT_EQ(ToString(HashBytes("")), "9ed82959419ea7781b0bbac4c30abab2");
  EXPECT_EQ(ToString(HashBytes("lockstep")), "7d9a91d9e165280c8ab596961c8f37a7");
}

TEST(TableDigestTest, OrderDoesNotCount) {
  EXPECT_EQ(DigestOf({"a", "b", "c"}), DigestOf({"c", "a", "b"}));
}

TEST(TableDigestTest, ARowThatStandsTwiceDoesNotVanish) {
  EXPECT_NE(DigestOf({"a", "a"}), DigestOf({}));
  EXPECT_NE(DigestOf({"a", "a"}).sum, DigestOf({"b", "b"}).sum);
}

TEST(TableDigestTest, RemovingGivesTheDigestBefore) {
  TableDigest digest = DigestOf({"a", "b"});
  digest.Remove("a");
  EXPECT_EQ(digest, DigestOf({"b"}));
}

TEST(TableDigestTest, TheTablesNameCounts) {
  EXPECT_NE(HashTable("a", DigestOf({"x"})), HashTable("b", DigestOf({"x"})));
  EXPECT_NE(HashTable("a", DigestOf({})), HashTable("b", DigestOf({})));
}

}  // namespace
}  // namespace lockstep::model
