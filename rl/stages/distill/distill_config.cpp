#include "rl/stages/distill/distill_config.h"

namespace gradus::rl {

void describe(DistillConfig& c, SettingFields& field) {
  field("teacher", c.teacher, any(),
        "checkpoint of the teacher, with the student's tokenizer: a Hugging Face directory, a GGUF "
        "file or a run's final/");
  field("form", c.form,
        one_of<DistillForm>({{"advantage", DistillForm::advantage},
                             {"loss", DistillForm::loss},
                             {"jsd", DistillForm::jsd}}),
        "advantage: kl_coef (lp_teacher - lp) of sampled tokens, added to the rewards' advantages; "
        "loss: the same within the loss ([rl.opd]); jsd: the generalised Jensen-Shannon divergence "
        "of the whole distributions");
  field("on_policy", c.on_policy, any(),
        "the student samples what it learns on; false (jsd alone): responses of `data`");
  field("kl_coef", c.kl_coef, at_least(0.0), "weight of the teacher in the advantages");
  field("discount", c.discount, between(0.0, 1.0),
        "share of the following tokens' differences in a token's advantage");
  field("max_log_ratio", c.max_log_ratio, at_least(0.0),
        "bound of lp_teacher - lp in the advantages, either way; 0: none");
  field("beta", c.beta, between(0.0, 1.0),
        "jsd: 0 is KL(teacher || student), 1 KL(student || teacher)");
  field("temperature", c.temperature, positive(), "jsd: of both distributions");
  field("top_k", c.top_k, at_least(0),
        "jsd: the teacher's likeliest tokens, all others as one; 0: the whole vocabulary");
}

}  // namespace gradus::rl
