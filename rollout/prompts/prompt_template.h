#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rollout {

/// Text with the columns of a row in braces: "Question: {question}\nAnswer:".
///
/// `{name}` stands for a column, `{a.b}` for a member of one; `{{` and `}}` are braces. Any other
/// brace is itself ("\boxed{}"). A value is put in as it is and not read again, whatever it holds;
/// what is not text appears as compact JSON.
class PromptTemplate {
 public:
  explicit PromptTemplate(std::string_view text);

  struct Filled {
    std::string text;
    std::string problem;  ///< the column that the row lacks, as a sentence; empty: none
  };
  Filled fill(const nlohmann::json& row) const;

  bool is_empty() const { return pieces_.empty(); }

 private:
  struct Piece {
    std::string text;
    bool is_column = false;
  };
  std::vector<Piece> pieces_;
};

}  // namespace gradus::rollout
