#include "rewards/instructions/first_verb.h"

#include <set>
#include <string>

#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

using Words = std::set<std::string, std::less<>>;

Words word_set(std::string_view text) {
  Words words;
  for (const auto word : split_words(text)) words.emplace(word);
  return words;
}

constexpr const char* kBaseForms =
    "accept achieve acknowledge acquire act adapt add address adjust admit adopt advance advise "
    "agree aim align allocate allow alter analyze analyse announce answer anticipate apologize "
    "appear apply appoint appreciate approach approve argue arrange arrive ask assemble assert "
    "assess assign assist assume attach attempt attend attract avoid awake bake balance be bear "
    "beat become beg begin behave believe bend bet bind bite blame blend blow boil borrow break "
    "breathe breed bring broadcast browse build burn burst buy calculate call calm capture carry "
    "cast catch cause celebrate challenge change charge chase check choose claim clarify "
    "classify "
    "clean clear click climb close collaborate collect combine come commit communicate compare "
    "compile complete compose comprehend compute conceive concentrate conclude conduct configure "
    "confirm connect consider consist construct consult contact contain continue contribute "
    "control convert convey convince cook cope copy correct count cover craft create cross cry "
    "cultivate cut dance deal debate decide declare decline decorate decrease dedicate define "
    "delete deliver demand demonstrate deny depend describe deserve design desire destroy detect "
    "determine develop devise dig diminish direct discover discuss display distinguish "
    "distribute "
    "dive divide do double doubt download draft draw dream dress drink drive drop earn eat edit "
    "educate elaborate elevate eliminate embark embrace emerge emphasize employ empower enable "
    "encourage end endure engage enhance enjoy ensure enter entertain escape establish estimate "
    "evaluate examine exceed exchange execute exercise exist expand expect experience experiment "
    "explain explore express extend extract face fail fall fear feed feel fetch fight figure "
    "file "
    "fill find finish fit fix flee float flow fly focus fold follow forbid force forget forgive "
    "form formulate foster gain gather gaze generate get give glance glow go govern grab grant "
    "greet grind grow guarantee guard guess guide hand handle hang happen hate have heal hear "
    "heat "
    "help hesitate hide highlight hire hit hold hope hunt hurry hurt identify ignore illustrate "
    "imagine immerse implement imply import impress improve include incorporate increase "
    "indicate "
    "indulge infer inform initiate inquire insert inspect inspire install instruct integrate "
    "intend interact interpret introduce invest investigate invite involve iterate join journey "
    "judge jump justify keep kick kill kiss knit knock know label laugh launch lay lead leap "
    "learn "
    "leave lend let leverage lie lift light like limit link list listen live load locate lock "
    "log "
    "look lose love lower make manage manifest march mark master match maximize mean measure "
    "meet "
    "melt memorize mention merge minimize mix modify monitor motivate mourn move multiply "
    "navigate "
    "need negotiate nominate note notice nurture obey observe obtain occur offer open operate "
    "optimize order organize outline overcome owe own pack paint participate pass pause pay "
    "perceive perform permit persist persuade pick picture place plan plant play plead please "
    "point ponder pour practice practise praise pray predict prefer prepare present preserve "
    "press "
    "pretend prevent print prioritize proceed process produce program promise promote prompt "
    "pronounce propose protect prove provide publish pull punish purchase pursue push put "
    "question "
    "quit quote raise reach react read realize rearrange recall receive recite recognize "
    "recommend "
    "reconsider record recover recycle reduce refer refine reflect refrain refuse regard "
    "register "
    "reject relate relax release rely remain remember remind remove rename render renew repair "
    "repeat replace reply report represent request require rescue research resist resolve "
    "respect "
    "respond rest restore restrict result retain retire retrieve return reveal reverse review "
    "revise reward rewrite ride ring rise risk roll run rush save say scan schedule score scream "
    "search secure see seek seem select sell send separate serve set settle sew shake shape "
    "share "
    "shift shine shoot shop shout show shrink shut sign simplify sing sink sit sketch skip sleep "
    "slide slip slow smell smile soar solve sort sound sow spare speak specify spell spend spin "
    "split spot spread spring squeeze stand stare start state stay steal step stick stir stop "
    "store "
    "strengthen stretch strike strive structure struggle study submit substitute subtract "
    "succeed "
    "suffer suggest suit summarize supply support suppose surrender surround survive suspect "
    "sustain swear sweep swim swing switch take talk taste teach tear tell tend test thank think "
    "threaten thrive throw tie touch trace track trade train transcribe transfer transform "
    "translate travel treat trim trust try turn type understand undertake undo unfold unite "
    "unlock "
    "unveil update upgrade use utilize validate value vanish vary verify view visit visualize "
    "vote "
    "wait wake walk wander want warm warn wash waste watch wave wear weave welcome whisper whip "
    "win wish withdraw wonder work worry wrap write yearn yield";

const Words& base_forms() {
  static const Words words = word_set(kBaseForms);
  return words;
}

const Words& irregular_forms() {
  static const Words words = word_set(
      "is are was were am been being has had having does did done doing went gone made took taken "
      "gave given said saw seen came got gotten knew known thought found told became left felt "
      "brought began begun kept held wrote written stood heard let's meant met ran paid sat spoke "
      "spoken led grew grown lost fell fallen sent built understood drew drawn broke broken spent "
      "rose risen drove driven bought wore worn chose chosen ate eaten flew flown sang sung slept "
      "won taught caught fought sought dreamt leapt woke");
  return words;
}

/// The form without its ending may be a verb with a letter more or less: making, stopping, tries.
bool is_form_of(std::string stem) {
  if (base_forms().contains(stem) || base_forms().contains(stem + "e")) return true;
  const size_t size = stem.size();
  if (size > 2 && stem[size - 1] == stem[size - 2])
    return base_forms().contains(stem.substr(0, size - 1));
  if (size > 1 && stem.back() == 'i') {
    stem.back() = 'y';
    return base_forms().contains(stem);
  }
  return false;
}

}  // namespace

bool is_verb(std::string_view word) {
  const std::string lower = lower_case(word);
  if (base_forms().contains(lower) || irregular_forms().contains(lower)) return true;
  for (const std::string_view ending : {"ing", "ed", "es", "s"})
    if (lower.size() > ending.size() + 1 && lower.ends_with(ending) &&
        is_form_of(lower.substr(0, lower.size() - ending.size())))
      return true;
  return false;
}

}  // namespace gradus::rewards
