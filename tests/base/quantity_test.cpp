#include "base/quantity.h"

#include "tests/catch.h"

using namespace gradus;

TEST_CASE("quantities read as people write them", "[base][quantity]") {
  CHECK(bytes_text(912) == "912 B");
  CHECK(bytes_text(1.34e9) == "1.3 GB");
  CHECK(bytes_text(999.7e3) == "1.0 MB");
  CHECK(count_text(412) == "412");
  CHECK(count_text(1234) == "1,234");
  CHECK(count_text(134'515'008) == "134.5 M");
  CHECK(exact_text(671'026'419'200) == "671,026,419,200");
  CHECK(exact_text(-1234) == "-1,234");
  CHECK(exact_text(100) == "100");
  CHECK(duration_text(0.84) == "0.8 s");
  CHECK(duration_text(192) == "3 m 12 s");
  CHECK(duration_text(7500) == "2 h 05 m");
  CHECK(duration_text(90000) == "1 d 01 h");
  CHECK(share_text(0.615) == "61.5 %");
  CHECK(short_number(0.41234) == "0.4123");
}
