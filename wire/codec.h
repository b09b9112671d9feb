// Messages to and from the bytes that travel: the body, and the kind that the envelope names it by.
//
// Bodies of fixed shape are protobuf (proto/lockstep.proto); those that carry rows are MessagePack
// (wire/row_codec.h).
#ifndef LOCKSTEP_WIRE_CODEC_H_
#define LOCKSTEP_WIRE_CODEC_H_

#include <optional>
#include <string_view>

#include "model/error.h"
#include "wire/encoded.h"
#include "wire/message.h"

namespace lockstep::wire {

Kind KindOf(const Message& message);
// "Commit". For messages to people.
std::string_view ToString(Kind kind);
// The kind with this number; nullopt when there is none.
std::optional<Kind> ToKind(int number);

// The result can be sent to any number of peers; they share its body.
Encoded Encode(const Message& message);

// kMalformed, with the kind and the field or byte, for any body that Encode could not have made.
// `body` is not needed afterwards.
model::Result<Message> Decode(Kind kind, std::string_view body);

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_CODEC_H_
