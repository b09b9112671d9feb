// What a run consists of, as one digest: its catalog and every script, in order.
//
// Equal seeds and options give equal hashes on every machine, whatever the schema is called,
// whoever listens and where the checkpoints lie. The hash of n scripts is H(encoding of script n,
// hash of n - 1):
//
//   catalog   = sessions tables table* type* owner*
//   table     = name columns column* keys position* identity
//   column    = name type_name not_null generated
//   type      = name definition
//   script    = id session end operations operation*
//   operation = kind table row*      kind: the index in model::Operation; upserts add: columns
//                                    column*; a message is kind prefix content
//   row       = its canonical bytes as a string
//
// Numbers are varints (model/row.h); strings and rows are their length and their bytes.
#ifndef LOCKSTEP_GENERATOR_WORKLOAD_HASH_H_
#define LOCKSTEP_GENERATOR_WORKLOAD_HASH_H_

#include <string>

#include "model/catalog.h"
#include "model/digest.h"
#include "model/operation.h"

namespace lockstep::generator {

class WorkloadHash {
 public:
  explicit WorkloadHash(const model::Catalog& catalog);

  void Add(const model::Script& script);
  model::Digest value() const { return value_; }

 private:
  // Hashes `buffer_` after the value so far, and empties it.
  void Chain();

  model::Digest value_;
  std::string buffer_;
};

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_WORKLOAD_HASH_H_
