#include "replication/frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

#include "tests/replication/captured_stream.h"

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Lsn;
using testing::HasSubstr;
using namespace std::string_view_literals;

constexpr auto kData =
    "w\0\0\0\x16\xb3\x74\xd8\x48\0\0\0\x16\xb3\x74\xd8\x49"
    "\0\3\3\xdb\x4d\x86\xa5\x0fpayload"sv;
constexpr auto kKeepalive = "k\0\0\0\x16\xb3\x74\xd8\x48\0\3\3\xdb\x4d\x86\xa5\x0f\1"sv;

void ExpectMalformed(std::string_view bytes, const char* what) {
  auto frame = ParseFrame(bytes);
  ASSERT_FALSE(frame.has_value()) << bytes.size();
  EXPECT_EQ(frame.error().kind, ErrorKind::kMalformed);
  EXPECT_THAT(frame.error().message, HasSubstr(what));
}

TEST(FramesTest, XLogDataIsRead) {
  auto frame = ParseFrame(kData);
  ASSERT_TRUE(frame.has_value());
  const auto& data = std::get<XLogData>(*frame);
  EXPECT_EQ(data.start, Lsn{0x16B374D848});
  EXPECT_EQ(data.end, Lsn{0x16B374D849});
  EXPECT_EQ(data.payload, "payload");
}

TEST(FramesTest, AnEmptyPayloadIsOne) {
  auto frame = ParseFrame(kData.substr(0, 25));
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(std::get<XLogData>(*frame).payload, "");
}

TEST(FramesTest, AKeepaliveIsReadWithAndWithoutRequest) {
  auto asking = ParseFrame(kKeepalive);
  ASSERT_TRUE(asking.has_value());
  EXPECT_EQ(std::get<PrimaryKeepalive>(*asking).end, Lsn{0x16B374D848});
  EXPECT_TRUE(std::get<PrimaryKeepalive>(*asking).reply_requested);
  std::string quiet(kKeepalive);
  quiet.back() = '\0';
  EXPECT_FALSE(std::get<PrimaryKeepalive>(*ParseFrame(quiet)).reply_requested);
}

TEST(FramesTest, ATruncatedHeaderIsMalformed) {
  ExpectMalformed("", "empty");
  for (std::size_t size = 1; size < 25; ++size) ExpectMalformed(kData.substr(0, size), "XLogData");
  for (std::size_t size = 1; size < kKeepalive.size(); ++size)
    ExpectMalformed(kKeepalive.substr(0, size), "keepalive");
}

TEST(FramesTest, AKeepaliveThatIsTooLongIsMalformed) {
  ExpectMalformed(std::string(kKeepalive) + "x", "19 bytes, expected 18");
}

TEST(FramesTest, AnotherFrameIsMalformedAndNamed) {
  for (int tag = 0; tag < 256; ++tag) {
    if (tag == 'w' || tag == 'k') continue;
    std::string bytes(kKeepalive);
    bytes[0] = static_cast<char>(tag);
    ExpectMalformed(bytes, "unknown replication frame 0x");
  }
}

TEST(FramesTest, EveryCapturedMessageIsAFrame) {
  int keepalives = 0;
  int asking = 0;
  for (const std::string& bytes : CapturedMessages()) {
    auto frame = ParseFrame(bytes);
    ASSERT_TRUE(frame.has_value());
    if (const auto* keepalive = std::get_if<PrimaryKeepalive>(&*frame)) {
      ++keepalives;
      if (keepalive->reply_requested) ++asking;
    }
  }
  EXPECT_EQ(keepalives, 4);
  EXPECT_EQ(asking, 1);
}

TEST(FramesTest, AStatusUpdateHasExactlyTheseBytes) {
  const StandbyStatusUpdate update{
      .write = Lsn{0x0102030405060708}, .flush = Lsn{0x16B374D848}, .apply = Lsn{0xFF}};
  EXPECT_EQ(EncodeStatusUpdate(update, 0x000303db4d86a50f),
            "r\1\2\3\4\5\6\7\x08"
            "\0\0\0\x16\xb3\x74\xd8\x48"
            "\0\0\0\0\0\0\0\xff"
            "\0\3\3\xdb\x4d\x86\xa5\x0f"
            "\0"sv);
  EXPECT_EQ(EncodeStatusUpdate({.reply_requested = true}, -1),
            "r" + std::string(24, '\0') + std::string(8, '\xff') + std::string(1, '\1'));
}

}  // namespace
}  // namespace lockstep::replication
