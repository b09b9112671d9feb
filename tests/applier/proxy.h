// A server's address behind which bytes can be lost: a Unix socket that passes each connection on
// to the real server, until one of them meets its fate.
//
//   session ──► proxy ──► server
//           ◄──       ◄──
#ifndef LOCKSTEP_TESTS_APPLIER_PROXY_H_
#define LOCKSTEP_TESTS_APPLIER_PROXY_H_

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace lockstep::applier {

class Proxy {
 public:
  enum class Fault {
    kNone,
    // The server's answers are dropped from the one to COMMIT on, and the connection is cut.
    kLoseAnswerToCommit,
    // The same, with every answer to the script before it.
    kLoseAllAnswers,
    // The client is cut off when it sends a COMMIT; what it sent is delivered by Deliver().
    kDelayScript,
  };

  // `server_directory`: where the server's socket .s.PGSQL.5432 is. A client that sends `cut_at` is
  // cut off, and the server does not get it; empty: nobody is.
  explicit Proxy(const std::string& server_directory, std::string cut_at = {});
  ~Proxy();
  Proxy(const Proxy&) = delete;

  std::string conninfo() const;
  // For the next connection that does it; once.
  void Arm(Fault fault) { fault_ = fault; }
  // True when the armed fault has happened.
  bool happened() const { return happened_; }
  // Gives the server what was held back, and returns when it has closed that connection or
  // answered.
  void Deliver();

 private:
  void Accept();
  void Relay(int client);
  bool ToServer(int server, const std::string& bytes);
  // False when the connection must be cut.
  bool ToClient(int client, std::string bytes);

  std::string server_path_;
  std::string cut_at_;
  std::string directory_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};  // a pipe: closed at the end
  std::atomic<Fault> fault_ = Fault::kNone;
  std::atomic<bool> happened_ = false;
  int held_server_ = -1;
  std::string held_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace lockstep::applier

#endif  // LOCKSTEP_TESTS_APPLIER_PROXY_H_
