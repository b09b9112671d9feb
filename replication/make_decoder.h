// The one place that knows which output plugins there are decoders for.
#ifndef LOCKSTEP_REPLICATION_MAKE_DECODER_H_
#define LOCKSTEP_REPLICATION_MAKE_DECODER_H_

#include <memory>
#include <string_view>

#include "model/error.h"
#include "replication/decoder.h"
#include "replication/relation_map.h"

namespace lockstep::replication {

// The decoder of an output plugin by its name in pg_replication_slots. kUsage for a plugin there is
// none for.
model::Result<std::unique_ptr<Decoder>> MakeDecoder(std::string_view plugin, RelationMap relations);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_MAKE_DECODER_H_
