// Where a run keeps its sockets and logs: a directory of its own under /tmp, and what --keep names.
//
// A lock on the file `lock` in it tells that its launcher lives. The next launcher of the same user
// removes a directory whose lock nobody holds: its launcher was killed. Logs that are to stay have
// no such file.
#ifndef LOCKSTEP_LAUNCHER_RUN_DIRECTORY_H_
#define LOCKSTEP_LAUNCHER_RUN_DIRECTORY_H_

#include <string>
#include <vector>

#include "model/error.h"

namespace lockstep::launcher {

class RunDirectory {
 public:
  // `keep`: where logs stay (absolute), made when it is not there; empty: logs go when this goes.
  // kUsage when `keep` cannot be used or holds an earlier run.
  static model::Result<RunDirectory> Make(const std::string& keep);
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;
  // Removes what is not to be kept.
  ~RunDirectory();

  // Directories of launchers that were killed, which have been removed.
  const std::vector<std::string>& removed() const { return removed_; }
  // Short: a socket's path has at most 107 characters.
  const std::string& sockets() const { return path_; }
  std::string LogPath(const std::string& process) const;
  // Where the streams that listeners receive are recorded; empty without `keep`: nowhere.
  std::string TraceDirectory() const;
  // For a cluster that is kept; empty without `keep`.
  std::string ClusterPath() const;
  // Where the logs will be when this is gone; empty: nowhere.
  std::string KeptLogs() const;
  // The logs stay, wherever they are.
  void KeepLogs() { keeps_logs_ = true; }

 private:
  RunDirectory(std::string path, std::string keep, int lock, std::vector<std::string> removed);

  std::string path_;
  std::string keep_;
  bool keeps_logs_;
  int lock_;  // held as long as it is open; -1: moved from
  std::vector<std::string> removed_;
};

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_RUN_DIRECTORY_H_
