// Inside postgres/ only: child programs of a LocalCluster, and the process that outlives us to
// clean up.
#ifndef LOCKSTEP_POSTGRES_SUPERVISOR_H_
#define LOCKSTEP_POSTGRES_SUPERVISOR_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"

namespace lockstep::postgres {

// The user that a server must run as; nullopt: as we are.
struct RunAs {
  uid_t uid = 0;
  gid_t gid = 0;
};

// Runs a program to its end, output appended to `log_path`, in `directory`. kEnvironment when it
// cannot be started or exits with another status than 0.
model::Result<void> RunProgram(const std::vector<std::string>& command,
                               const std::optional<RunAs>& run_as, const std::string& directory,
                               const std::string& log_path);

enum class Writing { kReplace, kAppend };
// Writes a file as that user, who may own the directory and plant links there: none is followed,
// and one that is to be replaced is removed itself. kEnvironment with the path.
model::Result<void> WriteFileAs(const std::optional<RunAs>& run_as, const std::string& path,
                                std::string_view text, Writing writing);

struct SupervisorPlan {
  std::vector<std::string> server;  // command line of the postmaster
  std::optional<RunAs> run_as;
  std::string directory;  // working directory of the server; removed at the end
  std::string log_path;
  bool remove_directory = true;
};

// Our end of the supervisor. Its destructor ends server, directory and supervisor.
class Supervisor {
 public:
  static model::Result<Supervisor> Fork(const SupervisorPlan& plan);
  Supervisor(Supervisor&& other) noexcept;
  Supervisor& operator=(Supervisor&&) = delete;
  ~Supervisor();

  // The postmaster's pid.
  model::Result<pid_t> StartServer();
  // Sends the postmaster a signal and waits for its end.
  model::Result<void> StopServer(int signal);
  bool IsServerRunning();

 private:
  struct Reply {
    pid_t server = 0;  // 0: does not run
  };
  Supervisor(pid_t pid, int socket) : pid_(pid), socket_(socket) {}
  model::Result<Reply> Ask(char command);

  pid_t pid_;
  int socket_;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_SUPERVISOR_H_
