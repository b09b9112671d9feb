// Waiting for what nothing announces.
#ifndef LOCKSTEP_TESTS_POSTGRES_AWAIT_H_
#define LOCKSTEP_TESTS_POSTGRES_AWAIT_H_

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

namespace lockstep::postgres {

// Looks every 10 ms until the condition holds. Throws, naming `what`, when it still does not after
// `patience`.
inline void Await(const std::string& what, const std::function<bool()>& condition,
                  std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  constexpr std::chrono::milliseconds kPause{10};
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up)
      throw std::runtime_error("waited in vain until " + what);
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_TESTS_POSTGRES_AWAIT_H_
