// The verifier as a sink: a digest per commit, and the rows of a commit on request until it is
// accepted.
#ifndef LOCKSTEP_LISTENER_VERIFIER_SINK_H_
#define LOCKSTEP_LISTENER_VERIFIER_SINK_H_

#include "listener/sink.h"
#include "model/history.h"
#include "model/lsn.h"
#include "replication/replica.h"
#include "wire/message.h"
#include "wire/peer.h"

namespace lockstep::listener {

class VerifierSink final : public Sink {
 public:
  // `client` must outlive the sink. Before the first commit everything up to `consistent_point` is
  // with the verifier.
  VerifierSink(wire::Client& client, model::Lsn consistent_point)
      : client_(client), accepted_(consistent_point) {}

  model::Result<void> Deliver(const model::Transaction& transaction, model::Digest digest,
                              replication::Applied applied) override;
  model::Lsn durable() const override { return accepted_; }

  void OnAccepted(const wire::Accepted& accepted);
  // The rows asked for, and those the commit touched, as they were just after it.
  wire::RowsReply Answer(const wire::RowsRequest& request,
                         const replication::Replica& replica) const;
  model::Result<void> ReportMisfit(const model::Transaction& transaction,
                                   const replication::Misfit& misfit);
  // Tells how far the stream has come, where that is news.
  model::Result<void> ReportPosition(wire::Position position);
  // The last position that was told.
  const wire::Position& reported() const { return reported_; }

 private:
  wire::Client& client_;
  model::Lsn accepted_;
  model::History history_;  // of what is not accepted
  wire::Position reported_;
};

}  // namespace lockstep::listener

#endif  // LOCKSTEP_LISTENER_VERIFIER_SINK_H_
