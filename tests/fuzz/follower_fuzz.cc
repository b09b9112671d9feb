// The follower on hostile CopyData messages: positions only rise, nothing is confirmed that is not
// durable, and after an error nothing comes any more.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/error.h"
#include "model/lsn.h"
#include "replication/follower.h"
#include "replication/frames.h"
#include "replication/make_decoder.h"
#include "replication/relation_map.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/replication/captured_stream.h"

namespace lockstep::fuzz {
namespace {

using model::Lsn;
using replication::Follower;
using replication::TimePoint;

Follower NewFollower() {
  static const auto* relations =
      new std::vector<model::RelationPtr>(replication::CapturedRelations());
  auto decoder =
      replication::MakeDecoder({.name = "decoderbufs"}, replication::RelationMap(*relations));
  Require(decoder.has_value(), "there is a decoder for decoderbufs");
  return Follower({}, std::move(*decoder), TimePoint());
}

void Follow(FuzzInput input) {
  Follower follower = NewFollower();
  Lsn received;
  Lsn last_commit;
  bool failed = false;
  bool durable = false;
  TimePoint now;
  while (const auto bytes = input.NextMessage()) {
    const auto out = follower.OnCopyData({bytes->data(), bytes->size()});
    Require(!failed || !out, "an error ends the following");
    failed = failed || !out;
    Require(received <= follower.received(), "what was received does not become less");
    received = follower.received();
    if (out && *out) {
      Require(last_commit < (*out)->end_lsn, "transactions come in the order of their commits");
      last_commit = (*out)->end_lsn;
      // Every other one stays undurable until the next.
      durable = !durable;
      if (durable) follower.OnDurable(last_commit);
    }
    now += std::chrono::minutes(1);
    if (const auto update = follower.TakeStatusUpdate(now)) {
      Require(update->flush <= received, "only what was received is confirmed");
      Require(durable || !last_commit.IsValid() || update->flush < last_commit,
              "only what is durable is confirmed");
    }
  }
}

}  // namespace
}  // namespace lockstep::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lockstep::fuzz::Follow(lockstep::fuzz::FuzzInput(data, size));
  return 0;
}
