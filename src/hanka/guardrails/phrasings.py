"""How refusals are worded, in English and Japanese: what the built-in patterns of `refusals` look for.

A refusal is an act of who answers, so a pattern asks for three things at once: the first person, or no person at all; that it cannot, will not or
should not; and an act of answering (help, answer, write, judge), not any act. "I cannot open the box" is no refusal. Beside it stand reasons that are given
instead: what one is (an AI), rules, what is not known, an apology, a turn to another subject. Read after NFKC, case folding and collapse of
white space.
"""

from __future__ import annotations

# ---- English
CANNOT = (
    r"(?:can(?:no|')t|can not|could not|couldn't|won't|will not|shouldn't|should not|"
    r"(?:am|'m|are|'re|will|'ll|won't be|will not be|be) (?:not |un)(?:able|allowed|permitted|comfortable|willing|qualified|authori[sz]ed|going|"
    r"in a position|set up|equipped|designed|here)(?: to| with)?|"
    r"(?:won't|will not) be(?: able to)?|(?:must|have to|will|'ll|am going to|'m going to|am|'m) (?:have to )?(?:respectfully )?(?:decline|refuse)(?: to)?|"
    r"(?:respectfully |politely )?(?:decline|refuse) to|(?:am|'m) (?:programmed|designed|trained|instructed) not to|"
    r"(?:do not|don't) (?:feel comfortable|think (?:i|we) (?:should|can|ought to)|want to|wish to)|"
    r"(?:do not|don't)(?= (?:provide|give (?:out|\w+ )?(?:advice|opinions?)|offer|engage|discuss|assist|comment|generate)\b))"
)
DO = (
    r"(?:assist|help(?! it\b| but\b)|provide|answer|respond|comply|fulfil+|create|generate|write|produce|discuss|engage|continue|share|offer|complete|"
    r"process|support|participate|do (?:that|this|so)|advise|talk about|translate|summari[sz]e|classify|browse|comment|"
    r"access|guess|speculate|recommend|role-?play|endorse|disclose|reveal|elaborate|writ|creat|generat|produc|provid|shar|translat|advis|"
    r"give (?:you|out|any|an? (?:answer|opinion)|advice|\w+ (?:advice|recommendations|guidance|opinions)|instructions|information|details|that)|"
    r"(?:tell|show) you|open (?:links?|files?|urls?|web|attachments?|that|this link)|"
    r"(?:determine|tell|infer|verify|confirm|judge|say|decide)(?= .{0,40}\b(?:from|based on|without|with) (?:the|this|that|what|given|only|more|your)))"
    r"(?:ing)?"
)
WHO = r"(?:^|[.!,;:]|\b(?:but|so|and|that|which|therefore|because|since|as)) ?(?:i|we) ?"
BETWEEN = r"(?:(?:really|in good conscience|ethically|legally|possibly|directly|actually|simply|with|be) )*"
ENGLISH = (
    rf"{WHO}{CANNOT} {BETWEEN}{DO}\b(?! (?:\w+ ){{0,4}}enough)",
    rf"{WHO}(?:must|(?:will |'ll |am going to |'m going to )?have to|respectfully|regretfully)(?: respectfully)? (?:decline|refuse|pass on (?:this|that))\b",
    r"\bi (?:(?:do not|don't) do|will not do|won't do) (?:that|this)\b",
    r"\b(?:that|this) (?:is|'s) not something (?:that )?(?:i|we)\b|\b(?:not|isn't) something (?:that )?i (?:can|am able to|will|do)\b",
    r"\bi(?:'d| would) (?:rather|prefer) not(?: to)? (?:answer|say|discuss|help|write|do|comment|talk|share|go into)\b",
    rf"^(?:cannot|can't|unable to|not able to) {BETWEEN}{DO}\b|^as much as i(?:'d| would) (?:like|love|want) to help\b",
    # what it is
    r"\bas an? (?:ai|artificial intelligence|(?:large )?language model)\b(?! (?:\w+ )?(?:researcher|engineer|company|lab|student|expert|scientist|developer))",
    r"\bi(?: a|')m (?:just |only )?an? (?:ai|language model)\b",
    r"\b(?:i|we) (?:do not|don't) have (?:any |personal |the |access to |real-?time )*(?:opinions?|feelings|beliefs|access|ability|real-?time)\b",
    # rules
    r"\b(?:against|violat(?:es?|ing)|breach(?:es)?|violation of) (?:my|our) (?:\w+ ){0,2}(?:guidelines|policy|policies|principles|programming|rules|terms)\b",
    r"\bmy (?:guidelines|programming|principles|instructions) (?:do(?:es)? not|don't|doesn't|forbid|prohibit|prevent)",
    r"\b(?:inappropriate|unethical|irresponsible|wrong|not (?:appropriate|right|ethical|responsible)) (?:for|of) me to\b",
    rf"\b(?:it|that|this)(?: would be| is|'s) (?:inappropriate|unethical|irresponsible|not (?:appropriate|right|ethical|responsible)) to {DO}\b",
    r"\bi (?:don't|do not) (?:think|believe) (?:it's|it is|it would be|that's|that is) (?:appropriate|right|ethical|responsible)\b",
    r"\b(?:that|this|it)(?: \w+)? (?:is|'s|falls|goes|lies) (?:well )?(?:beyond|outside)(?: of)? (?:what i|my (?:scope|capabilit|abilit|knowledge|expertise))",
    # what is not known
    r"\b(?:not|n't|in?sufficient|too little) (?:enough )?(?:information|context|details?|evidence)(?: \w+){0,4} (?:for me )?to (?:answer|determine|say|tell|judge|decide)\b",
    rf"{WHO}have no (?:way of (?:know|tell|verify|check)ing|access to|information (?:about|on))\b",
    # an apology, another subject
    rf"\b(?:sorry|afraid|apologi[sz]e|apologies|regret|regrettably|unfortunately),? (?:but )?.{{0,30}}\b(?:i|we) ?{CANNOT} {BETWEEN}{DO}\b",
    r"\b(?:sorry|afraid|regrettably|unfortunately),? (?:but )?(?:i|we) ?(?:can't|cannot|can not|won't|must refuse|must decline|(?:am|'m|are) (?:unable|not able))\b",
    r"\b(?:sorry|afraid|apologies),? (?:but )?(?:that|this) is (?:beyond|outside|not something)\b",
    r"^(?:let us|let's|can we|shall we) (?:please )?(?:talk about|discuss|change|move on to) (?:something else|another|a different|the (?:subject|topic))",
    r"^no comment\W*$",
)  # fmt: skip

# ---- Japanese
ACT = (
    r"(?:回答|返答|応答|対応|提供|支援|生成|作成|協力|翻訳|要約|実行|開示|共有|助言|アドバイス|診断|判断|判定|推測|予測|案内|紹介|掲載|コメント|言及|執筆|"
    r"(?:お|ご)(?:答え|手伝い|応え|教え|案内|提供|協力|対応|力添え|話し|伝え|説明|紹介|助言))"
)
CAN_NOT = (
    r"(?:を|は|が|も|について)?(?:する|行う|行なう|お伝えする|差し上げる)?(?:こと|事)?(?:は|が|も)?(?:でき(?:ません(?!でした)|かねます)|行えません(?!でした)|"
    r"(?:いた|致)しかねます|しかねます|(?:いた|致)しません|控え(?:ます|させ|ており|ております|ることに)|お断り|難しいです|困難です)"
)
OF_WHAT = r"(?:依頼|要求|要望|希望|質問|問い|リクエスト|話題|話|内容|件|トピック|翻訳|作業|情報)"
JAPANESE = (
    rf"{ACT}{CAN_NOT}",
    r"説明する(?:こと|事)(?:は|が|も)?でき(?:ません(?!でした)|かねます)",
    r"(?:答え|話|教え|述べ|伝え|書|手伝|応じ)(?:られません|せません|けません|えません|(?:る|す|く|う)ことは?が?できません)(?!でした)",
    rf"{OF_WHAT}(?:に|を|は|には|にも|について|については|に関して|に関しては)(?:お|ご)?(?:応じ|応え|答え|対応|受け|従|話|取り扱|扱|沿)[^。、]{{0,10}}"
    r"(?:ません(?!でした)|かねます)",
    r"(?:回答|作成|執筆|生成|提供|対応|判断|お答え|お手伝い)(?:を|は|が)?する(?:こと|の)(?:は|が)(?:難しい|困難)",
    r"(?<!つき)(?:沿い|応じ|分かり|わかり|判り|お答えし|致し|いたし|しり|存じ)かねます",
    r"(?:お答え|回答|コメント|説明|生成|提供|言及|(?:書|述べ|話|答え|教え)[くるす]?こと)(?:を|は|について)?(?:差し)?控え(?:ます|させ|てお|たい|る必要)",
    r"(?:^|[。、])(?:それ|これ|そちら|その件)(?:は|に(?:は|ついては))(?:でき(?:ません|かねます)|いたしかねます|お断り|お話し)",
    r"(?:お力に|お役に)(?:なれ|立て)(?:ず|ません|そうに)",
    r"お断り(?:し(?:ます|てお|ざる)|いたし|致し|させ)|(?:回答|返答|生成|要求|依頼|提供)(?:を|は)?(?:拒否|拒絶|辞退)(?:し(?:ます|てお)|いたし|致し|させ)",
    r"(?:会話|お話|やり取り)(?:を|は)?(?:これ以上)?続け(?:られません|ることは?が?できません)",
    # what it is, rules
    r"(?:aiアシスタント|aiモデル|ai|人工知能|言語モデル)(?:として(?:は)?|なので|であり|であるため|ですので|のため|ですから|だから)、",
    r"個人的な(?:意見|見解|感情|好み)(?:は|を|も|が)?(?:持|有|あり|ござい|述べ)[^。、]{0,8}ません",
    r"(?:ガイドライン|ポリシー|規約|倫理)(?:に(?:違反|反|抵触)(?:する|します|している)(?:ため|ので|から)|上の理由)",
    # what is not known
    r"(?:情報|文章|本文|文脈|資料|内容|文)(?:だけ|のみ)?(?:では|から(?:は|では|だけでは))[^。、]{0,10}(?:判断|特定|回答|断定|決定|答え|分か|わか)[^。、]{0,6}ません",
)  # fmt: skip
SAID = (*ENGLISH, *JAPANESE)
"Built-in patterns."
