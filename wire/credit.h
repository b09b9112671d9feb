// How far the generator may run ahead of the verifier's judgement. Pure logic, both sides.
//
// The window bounds what lies between "sent" and "judged", in scripts and in bytes of scripts. It
// must be larger than the skew between sessions: a session that waits must not keep the script it
// waits for from being sent.
#ifndef LOCKSTEP_WIRE_CREDIT_H_
#define LOCKSTEP_WIRE_CREDIT_H_

#include <cstdint>
#include <optional>

#include "wire/message.h"

namespace lockstep::wire {

struct CreditWindow {
  std::uint64_t scripts = 0;  // at least 1
  std::uint64_t bytes = 0;    // at least 1
};

// The verifier's side.
class CreditGrantor {
 public:
  explicit CreditGrantor(CreditWindow window);

  // `scripts` more scripts, of `bytes` together as their bodies travelled, have been judged.
  void Judge(std::uint64_t scripts, std::uint64_t bytes);

  // The totals to send now: the whole window at first, then whenever an eighth of it has been
  // judged since the last grant. A step keeps Credit from costing a message per script; a generator
  // that waits always gets the next grant, because by then a whole window has been judged.
  std::optional<Credit> NextGrant();

  std::uint64_t judged_scripts() const { return judged_.scripts; }
  std::uint64_t judged_bytes() const { return judged_.bytes; }

 private:
  CreditWindow window_;
  Credit judged_;
  std::optional<Credit> judged_at_grant_;
};

// The generator's side.
class CreditSpender {
 public:
  // Takes the larger totals: a repeated or late Credit changes nothing.
  void Apply(const Credit& credit);

  // One more script may go, of any size: the last one may exceed the bytes, so that a script larger
  // than the window does not wait for ever.
  bool MaySend() const { return sent_.scripts < granted_.scripts && sent_.bytes < granted_.bytes; }
  void Spend(std::uint64_t bytes);

  std::uint64_t sent_scripts() const { return sent_.scripts; }
  std::uint64_t sent_bytes() const { return sent_.bytes; }

 private:
  Credit granted_;
  Credit sent_;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_CREDIT_H_
