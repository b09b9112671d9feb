// One message of every kind, and one more where a field may be absent.
#ifndef LOCKSTEP_TESTS_WIRE_SAMPLE_MESSAGES_H_
#define LOCKSTEP_TESTS_WIRE_SAMPLE_MESSAGES_H_

#include <vector>

#include "wire/message.h"

namespace lockstep::wire {

std::vector<Message> SampleMessages();

}  // namespace lockstep::wire

#endif  // LOCKSTEP_TESTS_WIRE_SAMPLE_MESSAGES_H_
