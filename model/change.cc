#include "model/change.h"

namespace lockstep::model {

const RelationPtr& RelationOf(const Change& change) {
  return std::visit([](const auto& c) -> const RelationPtr& { return c.relation; }, change);
}

}  // namespace lockstep::model
