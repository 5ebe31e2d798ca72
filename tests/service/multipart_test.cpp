#include "service/http/multipart.h"

#include <string>

#include "tests/catch.h"

using namespace gradus::service;

namespace {

struct ReadForm {
  std::string bytes;
  std::string filename;
  std::map<std::string, std::string> fields;
};

/// Reads a form in pieces of `step` bytes.
ReadForm read_form(const std::string& body, size_t step, const std::string& boundary = "zz") {
  ReadForm form;
  MultipartReader reader("multipart/form-data; boundary=" + boundary,
                         [&](const FormPart& part, std::string_view bytes) {
                           form.filename = part.filename;
                           form.bytes += bytes;
                         });
  for (size_t at = 0; at < body.size(); at += step)
    reader.take(std::string_view(body).substr(at, step));
  reader.finish();
  form.fields = reader.fields();
  return form;
}

std::string form_with(const std::string& bytes) {
  return "--zz\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nfine-tune\r\n--zz\r\n"
         "Content-Disposition: form-data; name=\"file\"; filename=\"../../a b.jsonl\"\r\n"
         "Content-Type: application/octet-stream\r\n\r\n" +
         bytes + "\r\n--zz--\r\n";
}

}  // namespace

TEST_CASE("a form gives the same bytes whatever pieces it comes in", "[service][http]") {
  const std::string tricky = "a\r\n--z\r\n--zx--zz\r\r\n-\r\n--\r\nend--zz--";
  for (const std::string& bytes : {std::string("{\"a\": 1}\n"), std::string(), tricky,
                                   std::string(5000, 'x') + "--zz" + std::string(5000, '\r')}) {
    for (const size_t step :
         {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{64}, size_t{20000}}) {
      INFO(bytes.size() << " bytes in pieces of " << step);
      const auto form = read_form(form_with(bytes), step);
      CHECK(form.bytes == bytes);
      CHECK(form.fields.at("purpose") == "fine-tune");
      CHECK(display_name(form.filename) == "a b.jsonl");
    }
  }
}

TEST_CASE("forms that are none are refused", "[service][http]") {
  CHECK_THROWS_AS(read_form("no boundary", 5), HttpError);
  CHECK_THROWS_AS(read_form("--zz\r\nContent-Disposition: form-data\r\n\r\nx\r\n--zz--\r\n", 9),
                  HttpError);
  const std::string whole = form_with("x");
  CHECK_THROWS_AS(read_form(whole.substr(0, whole.size() - 8), 9), HttpError);
  CHECK_THROWS_AS(read_form("", 1, std::string(300, 'b')), HttpError);
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += "--zz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n";
  CHECK_THROWS_AS(read_form(many + "--zz--\r\n", 1000), HttpError);
  CHECK_THROWS_AS(MultipartReader("application/json", {}), HttpError);
}

TEST_CASE("names of uploads are for display alone", "[service][http]") {
  CHECK(display_name("C:\\x\\y.jsonl") == "y.jsonl");
  CHECK(display_name("..") == "upload");
  CHECK(display_name("a\r\nb") == "ab");
  CHECK(display_name(std::string(300, 'a')).size() == 255);
}
