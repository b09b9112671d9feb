// The latest transactions of a database with their inverses, so that rows can be looked at as they
// were.
#ifndef LOCKSTEP_MODEL_HISTORY_H_
#define LOCKSTEP_MODEL_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "model/database.h"
#include "model/lsn.h"
#include "model/row.h"

namespace lockstep::model {

class History {
 public:
  // The images of the transaction that ended at `end_lsn`, later than all before.
  void Append(Lsn end_lsn, std::vector<RowImage> images);

  // Forgets transactions with end_lsn <= `lsn`.
  void Forget(Lsn lsn);

  // What the transaction at `end_lsn` wrote; nullptr when it is not remembered.
  const std::vector<RowImage>* ImagesAt(Lsn end_lsn) const;

  // The row just after the transaction at `end_lsn`, given the database as it is now. Right for
  // every LSN not forgotten.
  std::optional<Row> RowAfter(Lsn end_lsn, const Database& now, std::uint32_t table,
                              const Row& key) const;

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Lsn end_lsn;
    std::vector<RowImage> images;
  };
  // The first entry with an end LSN above `lsn`.
  std::deque<Entry>::const_iterator FirstAfter(Lsn lsn) const;

  std::deque<Entry> entries_;  // by end_lsn
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_HISTORY_H_
