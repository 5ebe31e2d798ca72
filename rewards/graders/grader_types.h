#pragma once

#include <memory>

#include "rewards/graders/grader.h"

namespace gradus::rewards::graders {

/// Makers of the types that grader.cpp lists; what each does stands at the top of its file. The
/// reader has `type` and `name` behind it; a maker reads the rest and finishes it.

std::unique_ptr<Grader> make_string_check(SpecReader& spec, const std::string& name);
std::unique_ptr<Grader> make_text_similarity(SpecReader& spec, const std::string& name);
std::unique_ptr<Grader> make_python_grader(SpecReader& spec, const std::string& name,
                                           GraderServices& services);
std::unique_ptr<Grader> make_score_model(SpecReader& spec, const std::string& name,
                                         GraderServices& services);
std::unique_ptr<Grader> make_label_model(SpecReader& spec, const std::string& name,
                                         GraderServices& services);
std::unique_ptr<Grader> make_multi_grader(SpecReader& spec, const std::string& name,
                                          GraderServices& services);
std::unique_ptr<Grader> make_endpoint_grader(SpecReader& spec, const std::string& name,
                                             GraderServices& services);

}  // namespace gradus::rewards::graders
