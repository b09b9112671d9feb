// Every kind of message survives encoding, and no bytes do harm.
#include "wire/codec.h"

#include <gtest/gtest.h>

#include <array>
#include <msgpack.hpp>
#include <random>
#include <set>
#include <sstream>
#include <string>

#include "tests/wire/sample_messages.h"
#include "wire/row_codec.h"

namespace lockstep::wire {
namespace {

bool IsMessagePack(Kind kind) {
  return kind == Kind::kScript || kind == Kind::kRowsRequest || kind == Kind::kRowsReply;
}

// Whatever the bytes are: a message that can be encoded again, or a kMalformed that names the kind.
void ExpectHarmless(Kind kind, std::string_view body) {
  // A buffer of exactly this size, so that a sanitizer sees a read behind its end.
  const std::vector<char> exact(body.begin(), body.end());
  const auto decoded = Decode(kind, std::string_view(exact.data(), exact.size()));
  if (decoded.has_value()) {
    EXPECT_EQ(KindOf(*decoded), kind);
    const Encoded again = Encode(*decoded);
    const auto decoded_again = Decode(kind, *again.body);
    ASSERT_TRUE(decoded_again.has_value()) << decoded_again.error().message;
    EXPECT_EQ(*decoded_again, *decoded);
  } else {
    EXPECT_EQ(decoded.error().kind, model::ErrorKind::kMalformed);
    EXPECT_NE(decoded.error().message.find(ToString(kind)), std::string::npos)
        << decoded.error().message;
  }
}

TEST(Codec, TheSamplesHaveEveryKind) {
  std::set<Kind> kinds;
  for (const Message& message : SampleMessages()) kinds.insert(KindOf(message));
  EXPECT_EQ(kinds.size(), std::variant_size_v<Message>);
}

TEST(Codec, EveryKindSurvivesTheRoundTrip) {
  for (const Message& message : SampleMessages()) {
    const Encoded encoded = Encode(message);
    SCOPED_TRACE(ToString(encoded.kind));
    EXPECT_EQ(encoded.kind, KindOf(message));
    const auto decoded = Decode(encoded.kind, *encoded.body);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(*decoded, message);
  }
}

TEST(Codec, KindsAreTheNumbersOfTheEnvelope) {
  EXPECT_EQ(ToKind(0), std::nullopt);
  EXPECT_EQ(ToKind(1), Kind::kCatalogMade);
  EXPECT_EQ(ToKind(22), Kind::kVerdict);
  EXPECT_EQ(ToKind(26), Kind::kFinish);
  EXPECT_EQ(ToKind(27), std::nullopt);
  EXPECT_EQ(ToKind(-1), std::nullopt);
}

TEST(Codec, ProperPrefixesAreHarmless) {
  for (const Message& message : SampleMessages()) {
    const Encoded encoded = Encode(message);
    SCOPED_TRACE(ToString(encoded.kind));
    for (std::size_t size = 0; size < encoded.size(); ++size) {
      SCOPED_TRACE(size);
      const std::string_view prefix = std::string_view(*encoded.body).substr(0, size);
      ExpectHarmless(encoded.kind, prefix);
      // A protobuf body may end after any field; a MessagePack body has one end only.
      if (IsMessagePack(encoded.kind)) {
        EXPECT_FALSE(Decode(encoded.kind, prefix).has_value());
      }
    }
  }
}

TEST(Codec, CorruptedBodiesAreHarmless) {
  constexpr std::uint64_t kSeed = 20261122;
  RecordProperty("seed", std::to_string(kSeed));
  std::mt19937_64 random(kSeed);
  for (const Message& message : SampleMessages()) {
    const Encoded encoded = Encode(message);
    SCOPED_TRACE(ToString(encoded.kind));
    for (int round = 0; round < 4'000; ++round) {
      std::string body = *encoded.body;
      const std::uint64_t faults = 1 + random() % 4;
      for (std::uint64_t fault = 0; fault < faults && !body.empty(); ++fault) {
        const std::size_t at = random() % body.size();
        const auto byte = static_cast<char>(random());
        switch (random() % 4) {
          case 0:
            body[at] = byte;
            break;
          case 1:
            body[at] = static_cast<char>(body[at] ^ (1 << (random() % 8)));
            break;
          case 2:
            body.erase(at, 1 + random() % 4);
            break;
          case 3:
            body.insert(at, 1, byte);
            break;
        }
      }
      ExpectHarmless(encoded.kind, body);
      if (HasFailure()) FAIL() << "round " << round;
    }
  }
}

TEST(Codec, ABodyReadAsAnotherKindIsHarmless) {
  for (const Message& message : SampleMessages()) {
    const Encoded encoded = Encode(message);
    for (int number = 1; ToKind(number).has_value(); ++number) {
      ExpectHarmless(*ToKind(number), *encoded.body);
    }
  }
}

TEST(Codec, ALengthThatTheBodyDoesNotHaveAllocatesNothing) {
  // [ 1, 1, 0, array of 4 billion ], and a bin of 4 billion bytes.
  const std::array<std::string, 2> bodies = {std::string("\x94\x01\x01\x00\xdd\xff\xff\xff\xff", 9),
                                             std::string("\x94\x01\x01\xc6\xff\xff\xff\xff", 8)};
  for (const std::string& body : bodies) {
    const auto decoded = DecodeScript(body);
    ASSERT_FALSE(decoded.has_value());
    EXPECT_EQ(decoded.error().message,
              "Script: cut off after " + std::to_string(body.size()) + " bytes");
  }
}

// Packs [ 1, 1, end, [ operation ] ] with what `pack` adds.
template <typename Pack>
std::string PackScript(std::uint32_t end, Pack pack) {
  std::stringstream stream;
  msgpack::packer packer(stream);
  packer.pack_array(4).pack(1u).pack(1u).pack(end).pack_array(1);
  pack(packer);
  return stream.str();
}

std::string ErrorOf(std::string_view body) {
  const auto decoded = DecodeScript(body);
  return decoded.has_value() ? "" : decoded.error().message;
}

TEST(Codec, AFaultInAScriptIsNamedByItsField) {
  using Stream = msgpack::packer<std::stringstream>;
  EXPECT_EQ(ErrorOf(PackScript(0, [](Stream& p) { p.pack_array(1).pack(4u); })), "");
  EXPECT_EQ(ErrorOf(PackScript(2, [](Stream& p) { p.pack_array(1).pack(4u); })),
            "Script: end is 2, which is neither 0 nor 1");
  EXPECT_EQ(ErrorOf(PackScript(0, [](Stream& p) { p.pack_array(1).pack(9u); })),
            "Script: 9 is not the tag of an operation");
  EXPECT_EQ(ErrorOf(PackScript(0, [](Stream& p) { p.pack_array(2).pack(4u).pack(1u); })),
            "Script: operation 4 has 2 elements instead of 1");
  EXPECT_EQ(
      ErrorOf(PackScript(
          0, [](Stream& p) { p.pack_array(3).pack(3u).pack(std::uint64_t{1} << 32).pack_nil(); })),
      "Script: table is 4294967296, which is more than 32 bits");
  EXPECT_EQ(ErrorOf(PackScript(0, [](Stream& p) { p.pack_array(3).pack(3u).pack(1u).pack(1u); })),
            "Script: key (element 8 of the body) is not bin");
  const std::string bad_row = ErrorOf(PackScript(0, [](Stream& p) {
    p.pack_array(3).pack(3u).pack(1u).pack_bin(2).pack_bin_body("i\x05", 2);
  }));
  EXPECT_TRUE(bad_row.starts_with("Script: key: ")) << bad_row;
  EXPECT_EQ(ErrorOf(PackScript(0, [](Stream& p) { p.pack_array(1).pack(4u); }) + "x"),
            "Script: 1 bytes follow the end at byte 7");
}

TEST(Codec, AKeyColumnOutsideTheTableIsRefused) {
  CatalogMade made = std::get<CatalogMade>(SampleMessages().front());
  auto table = std::make_shared<model::Relation>(*made.catalog.tables[1]);
  table->key = {2};
  made.catalog.tables[1] = table;
  const Encoded encoded = Encode(made);
  const auto decoded = Decode(encoded.kind, *encoded.body);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_NE(decoded.error().message.find("key column 2 of 2"), std::string::npos);
}

TEST(Codec, CopiesOfAnEncodedMessageShareItsBody) {
  const Encoded encoded = Encode(Barrier{.number = 1});
  const Encoded copy = encoded;
  EXPECT_EQ(copy.body.get(), encoded.body.get());
}

}  // namespace
}  // namespace lockstep::wire
