// OIDs of built-in types (pg_type.dat of the server's source; they never change).
#ifndef LOCKSTEP_MODEL_TYPE_OID_H_
#define LOCKSTEP_MODEL_TYPE_OID_H_

#include "model/ids.h"

namespace lockstep::model::type_oid {

inline constexpr Oid kBool{16};
inline constexpr Oid kBytea{17};
inline constexpr Oid kChar{18};
inline constexpr Oid kName{19};
inline constexpr Oid kInt8{20};
inline constexpr Oid kInt2{21};
inline constexpr Oid kInt4{23};
inline constexpr Oid kText{25};
inline constexpr Oid kOid{26};
inline constexpr Oid kFloat4{700};
inline constexpr Oid kFloat8{701};
inline constexpr Oid kMoney{790};
inline constexpr Oid kBpchar{1042};
inline constexpr Oid kVarchar{1043};
inline constexpr Oid kDate{1082};
inline constexpr Oid kTime{1083};
inline constexpr Oid kTimestamp{1114};
inline constexpr Oid kTimestamptz{1184};
inline constexpr Oid kInterval{1186};
inline constexpr Oid kTimetz{1266};
inline constexpr Oid kNumeric{1700};
inline constexpr Oid kUuid{2950};
inline constexpr Oid kPoint{600};
inline constexpr Oid kJsonb{3802};
inline constexpr Oid kInet{869};
inline constexpr Oid kInt4Array{1007};
inline constexpr Oid kTextArray{1009};
inline constexpr Oid kNumericArray{1231};
inline constexpr Oid kInt4Range{3904};
inline constexpr Oid kNumRange{3906};
inline constexpr Oid kTstzRange{3910};
inline constexpr Oid kDateRange{3912};

// Those that only the binary form and names of types have to know.
inline constexpr Oid kTid{27};
inline constexpr Oid kXid{28};
inline constexpr Oid kJson{114};
inline constexpr Oid kXml{142};
inline constexpr Oid kLseg{601};
inline constexpr Oid kPath{602};
inline constexpr Oid kBox{603};
inline constexpr Oid kPolygon{604};
inline constexpr Oid kLine{628};
inline constexpr Oid kCidr{650};
inline constexpr Oid kCircle{718};
inline constexpr Oid kMacaddr8{774};
inline constexpr Oid kMacaddr{829};
inline constexpr Oid kBit{1560};
inline constexpr Oid kVarbit{1562};
inline constexpr Oid kRefcursor{1790};
inline constexpr Oid kPgLsn{3220};
inline constexpr Oid kJsonpath{4072};
inline constexpr Oid kXid8{5069};

}  // namespace lockstep::model::type_oid

#endif  // LOCKSTEP_MODEL_TYPE_OID_H_
