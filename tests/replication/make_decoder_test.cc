#include "replication/make_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace lockstep::replication {
namespace {

TEST(MakeDecoderTest, DecoderbufsHasADecoder) {
  auto decoder = MakeDecoder({.name = "decoderbufs"}, RelationMap({}));
  ASSERT_TRUE(decoder.has_value());
  EXPECT_NE(*decoder, nullptr);
}

TEST(MakeDecoderTest, Wal2jsonHasADecoderAndIsAskedForFormatVersion2) {
  PluginChoice plugin{.name = "wal2json"};
  auto decoder = MakeDecoder(plugin, RelationMap({}));
  ASSERT_TRUE(decoder.has_value());
  EXPECT_NE(*decoder, nullptr);
  // As tests/replication/captures/regenerate asks.
  auto expected = std::vector<std::pair<std::string, std::string>>{{"format-version", "2"},
                                                                   {"include-xids", "true"},
                                                                   {"include-timestamp", "true"},
                                                                   {"include-types", "false"},
                                                                   {"include-type-oids", "true"}};
  EXPECT_EQ(StreamOptions(plugin), expected);
  plugin.version.wal2json_numbers_as_strings = true;
  expected.emplace_back("numeric-data-types-as-string", "true");
  EXPECT_EQ(StreamOptions(plugin), expected);
}

TEST(MakeDecoderTest, PgoutputHasADecoderForTextAndBinaryAndWantsAPublication) {
  for (const char* name : {"pgoutput", "pgoutput-binary"}) {
    EXPECT_TRUE(MakeDecoder({.name = name, .publications = {"p"}}, RelationMap({})).has_value());
    auto decoder = MakeDecoder({.name = name}, RelationMap({}));
    ASSERT_FALSE(decoder.has_value());
    EXPECT_EQ(decoder.error().kind, model::ErrorKind::kUsage);
    EXPECT_THAT(decoder.error().message, testing::HasSubstr("publication"));
    EXPECT_TRUE(NeedsTypes({.name = name}));
    EXPECT_TRUE(SendsPublications({.name = name}));
  }
  EXPECT_FALSE(SendsPublications({.name = "wal2json"}));
  EXPECT_FALSE(NeedsTypes({.name = "decoderbufs"}));
}

TEST(MakeDecoderTest, PgoutputIsAskedForWhatItsVersionKnows) {
  using Options = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(StreamOptions({"pgoutput", {.server = 130012}, {"a, \"b\"", "c"}}),
            (Options{{"proto_version", "1"}, {"publication_names", "\"a, \"\"b\"\"\", \"c\""}}));
  EXPECT_EQ(StreamOptions({"pgoutput-binary", {.server = 140000}, {"p"}}),
            (Options{{"proto_version", "1"},
                     {"publication_names", "\"p\""},
                     {"messages", "true"},
                     {"binary", "true"}}));
}

TEST(MakeDecoderTest, APluginWithoutADecoderIsRefusedByName) {
  auto decoder = MakeDecoder({.name = "test_decoding"}, RelationMap({}));
  ASSERT_FALSE(decoder.has_value());
  EXPECT_EQ(decoder.error().kind, model::ErrorKind::kUsage);
  EXPECT_THAT(decoder.error().message, testing::HasSubstr("\"test_decoding\""));
}

}  // namespace
}  // namespace lockstep::replication
