#pragma once

namespace gradus::rewards::code {

/// plain_values.py with program_driver.py, and with test_judge.py, built into the program.
extern const char* const kProgramDriver;
extern const char* const kTestJudge;

}  // namespace gradus::rewards::code
