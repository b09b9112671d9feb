#include "replication/make_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lockstep::replication {
namespace {

TEST(MakeDecoderTest, DecoderbufsHasADecoder) {
  auto decoder = MakeDecoder({.name = "decoderbufs"}, RelationMap({}));
  ASSERT_TRUE(decoder.has_value());
  EXPECT_NE(*decoder, nullptr);
}

TEST(MakeDecoderTest, APluginWithoutADecoderIsRefusedByName) {
  auto decoder = MakeDecoder({.name = "test_decoding"}, RelationMap({}));
  ASSERT_FALSE(decoder.has_value());
  EXPECT_EQ(decoder.error().kind, model::ErrorKind::kUsage);
  EXPECT_THAT(decoder.error().message, testing::HasSubstr("\"test_decoding\""));
}

}  // namespace
}  // namespace lockstep::replication
