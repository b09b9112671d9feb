// One visitor made of several functions, for std::visit: std::visit(Overloaded{f, g}, variant).
#ifndef LOCKSTEP_MODEL_OVERLOADED_H_
#define LOCKSTEP_MODEL_OVERLOADED_H_

namespace lockstep::model {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_OVERLOADED_H_
