#include "replication/make_decoder.h"

#include <fmt/format.h>

#include <utility>

#include "replication/decoderbufs_decoder.h"

namespace lockstep::replication {

model::Result<std::unique_ptr<Decoder>> MakeDecoder(std::string_view plugin,
                                                    RelationMap relations) {
  if (plugin == "decoderbufs") return MakeDecoderbufsDecoder(std::move(relations));
  return model::Fail(
      model::ErrorKind::kUsage,
      fmt::format("there is no decoder for the output plugin \"{}\"; there is one for decoderbufs",
                  plugin));
}

}  // namespace lockstep::replication
