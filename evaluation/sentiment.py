"""`python -m evaluation.sentiment OUT`: short messages in Persian, Chinese and English, and their mood.

The worked example of a label task. Every message is a template with a subject put in; the templates that
validate are others than those that train, so that their words cannot simply be remembered. Written for this
project, in no way a sample of what people really write.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from app.language import Language
from evaluation.jsonl import write_rows

Mood = Literal["positive", "negative", "neutral"]
TASK = "Say in one word how the writer of the message feels: positive, negative or neutral."
VALIDATION = 5  # templates of each mood and language
SUBJECTS_EACH = 2  # messages of a template
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Sentiment:
    message: str
    mood: Mood
    language: Language
    template: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.sentiment", description=__doc__)
    parser.add_argument("out", type=Path, help="folder for train.jsonl and validation.jsonl")
    parser.add_argument("--subjects", type=int, default=SUBJECTS_EACH, help="messages of each template")
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for name, found in zip(("train", "validation"), split(asked.subjects, asked.seed), strict=True):
        write_rows(asked.out / f"{name}.jsonl", map(row, found))


def split(subjects: int, seed: int) -> tuple[list[Sentiment], list[Sentiment]]:
    """To train on and to validate with: ``subjects`` messages of each template, in a drawn order."""
    draw = Random(seed)  # noqa: S311
    train, validation = list[Sentiment](), list[Sentiment]()
    for language, moods in TEMPLATES.items():
        for mood, templates in moods.items():
            shuffled = draw.sample(templates, len(templates))
            for number, template in enumerate(shuffled):
                part = validation if number < VALIDATION else train
                part += _messages(template, mood, language, subjects, draw)
    draw.shuffle(train)
    draw.shuffle(validation)
    return train, validation


def row(one: Sentiment) -> dict[str, object]:
    """In the chat format."""
    return {
        "messages": [
            {"role": "system", "content": TASK},
            {"role": "user", "content": one.message},
            {"role": "assistant", "content": one.mood},
        ]
    }


def _messages(template: str, mood: Mood, language: Language, count: int, draw: Random) -> Iterator[Sentiment]:
    for subject in draw.sample(SUBJECTS[language], count):
        text = template.format(subject)
        yield Sentiment(message=text[0].upper() + text[1:], mood=mood, language=language, template=template)


SUBJECTS: dict[Language, tuple[str, ...]] = {
    "en": (
        "the delivery", "this phone", "the hotel", "the new app", "the night train", "my order",
        "the cooking class", "the museum", "the bakery on the corner", "the repair shop", "the library",
        "the help desk",
    ),
    "fa": (
        "این گوشی", "هتل", "سفارش من", "برنامهٔ جدید", "کلاس آشپزی", "نانوایی محله", "تعمیرگاه", "موزه",
        "قطار شب", "پشتیبانی تلفنی", "کتابخانه", "رستوران",
    ),
    "zh": (
        "这家酒店", "这部手机", "我的订单", "新版应用", "烹饪课", "街角的面包店", "维修店", "博物馆",
        "夜班火车", "电话客服", "图书馆", "这家餐馆",
    ),
}  # fmt: skip

TEMPLATES: dict[Language, dict[Mood, tuple[str, ...]]] = {
    "en": {
        "positive": (
            "I am really happy with {}.",
            "{} made my whole week!",
            "Honestly, {} could not have been better.",
            "Thank you so much, {} was wonderful.",
            "We loved {} and told all our friends.",
            "What a pleasant surprise {} was.",
            "{} is worth every cent, five stars.",
            "I keep smiling when I think of {}.",
            "Everything about {} went smoothly and the people were kind.",
            "After years of looking, {} is finally what I wanted.",
            "My mother is delighted with {}.",
            "{} works like a charm.",
            "I was nervous at first, but {} turned out great.",
            "Such a relief: {} was quick and friendly.",
            "If you hesitate about {}, do it, you will enjoy it.",
            "{} has improved so much, well done!",
            "Best decision of the year: {}.",
            "I would choose {} again without thinking twice.",
            "The children cannot stop praising {}.",
            "{} deserves a big compliment.",
        ),
        "negative": (
            "I am very disappointed with {}.",
            "{} was a complete waste of money.",
            "Never again, {} ruined my evening.",
            "I want my money back for {}.",
            "{} broke down on the second day and nobody cares.",
            "I waited three hours because of {}, and not even an apology.",
            "How can {} be this bad?",
            "{} keeps getting worse.",
            "Frankly, {} is an insult to everyone who paid.",
            "I regret that I ever trusted {}.",
            "Save yourself the trouble and avoid {}.",
            "{} left us cold, tired and angry.",
            "Everything that could go wrong with {} went wrong.",
            "I am sick of complaining about {}.",
            "{} is slow, dirty and far too expensive.",
            "They promised a lot, but {} is useless.",
            "My father was close to tears because of {}.",
            "The worst experience I have had in years: {}.",
            "{} gave me nothing but headaches.",
            "No one should have to put up with {}.",
        ),
        "neutral": (
            "I have a question about {}.",
            "{} was mentioned in the meeting on Tuesday.",
            "Could you tell me the address for {}?",
            "I read two pages about {} this morning.",
            "My appointment about {} is at ten.",
            "{} has the number 4471 in our list.",
            "Please send the papers about {} to the second floor.",
            "The form for {} has three pages.",
            "I am writing with regard to {}.",
            "{} will be on the agenda next month.",
            "There is a notice about {} at the entrance.",
            "According to the calendar, {} comes after lunch.",
            "I asked my colleague when {} was last checked.",
            "{} and the other items are in the table below.",
            "The description of {} was changed in March.",
            "A photograph of {} is on page six.",
            "We talked about {} and then about the weather.",
            "The invoice names {} in its third line.",
            "Somebody called today because of {}.",
            "You can find {} under the letter C.",
        ),
    },
    "fa": {
        "positive": (
            "از {} خیلی راضی هستم.",
            "{} عالی بود، دستتان درد نکند.",
            "واقعاً از {} لذت بردیم.",
            "{} بهتر از چیزی بود که فکر می‌کردم.",
            "به همهٔ دوستانم {} را پیشنهاد می‌کنم.",
            "چه خوب شد که {} را انتخاب کردم!",
            "{} حال خانواده‌ام را خوب کرد.",
            "با خیال راحت سراغ {} بروید، پشیمان نمی‌شوید.",
            "{} ارزش هر ریالی را که دادم داشت.",
            "مادرم عاشق {} شده است.",
            "برخورد مهربان و کار سریع، {} بی‌نظیر است.",
            "هر وقت یاد {} می‌افتم لبخند می‌زنم.",
            "اولش نگران بودم ولی {} فوق‌العاده از آب درآمد.",
            "{} این بار خیلی بهتر شده، آفرین.",
            "بعد از مدت‌ها یک چیز درست و حسابی: {}.",
            "پنج ستاره برای {}، کم هم هست.",
            "بچه‌ها از {} سیر نمی‌شوند، این‌قدر دوستش دارند.",
            "خدا را شکر که {} بود، کارم راه افتاد.",
            "{} دلنشین‌ترین خاطرهٔ امسال ما شد.",
            "باز هم {} را انتخاب می‌کنم، بی‌هیچ تردیدی.",
        ),
        "negative": (
            "از {} خیلی ناراضی هستم.",
            "{} افتضاح بود، پولم هدر رفت.",
            "دیگر هیچ وقت سراغ {} نمی‌روم.",
            "{} روز دوم خراب شد و کسی جواب نمی‌دهد.",
            "سه ساعت به خاطر {} معطل شدم و یک عذرخواهی هم نکردند.",
            "چرا {} این‌قدر بد است؟",
            "{} روز به روز بدتر می‌شود.",
            "پشیمانم که به {} اعتماد کردم.",
            "وقتتان را با {} تلف نکنید.",
            "به خاطر {} شبمان خراب شد.",
            "{} کثیف، کند و گران است.",
            "قول زیادی دادند ولی {} به هیچ دردی نمی‌خورد.",
            "از بس از {} شکایت کردم خسته شدم.",
            "{} جز دردسر چیزی نداشت.",
            "پدرم از دست {} گریه‌اش گرفت.",
            "بدترین تجربهٔ این چند سال من {} بود.",
            "لطفاً پول من را بابت {} پس بدهید.",
            "{} توهین به مشتری است.",
            "هر چه می‌توانست خراب شود در {} خراب شد.",
            "هیچ کس نباید {} را تحمل کند.",
        ),
        "neutral": (
            "دربارهٔ {} یک سؤال دارم.",
            "در جلسهٔ سه‌شنبه نام {} برده شد.",
            "لطفاً نشانی مربوط به {} را بفرستید.",
            "امروز صبح دو صفحه دربارهٔ {} خواندم.",
            "قرار من برای {} ساعت ده است.",
            "{} در فهرست ما شمارهٔ ۴۴۷۱ را دارد.",
            "مدارک {} را به طبقهٔ دوم بفرستید.",
            "فرم {} سه صفحه دارد.",
            "این نامه در مورد {} است.",
            "{} ماه آینده در دستور کار قرار می‌گیرد.",
            "اطلاعیه‌ای دربارهٔ {} کنار در ورودی هست.",
            "طبق تقویم، {} بعد از ناهار است.",
            "از همکارم پرسیدم {} آخرین بار کی بررسی شد.",
            "{} و موارد دیگر در جدول زیر آمده است.",
            "توضیح مربوط به {} در فروردین تغییر کرد.",
            "عکسی از {} در صفحهٔ شش چاپ شده است.",
            "کمی از {} گفتیم و بعد از هوا.",
            "در سطر سوم صورت‌حساب {} نوشته شده است.",
            "امروز کسی به خاطر {} زنگ زد.",
            "{} را زیر حرف کاف پیدا می‌کنید.",
        ),
    },
    "zh": {
        "positive": (
            "我对{}非常满意。",
            "{}太棒了，谢谢你们！",
            "{}比我想象的还要好。",
            "全家人都很喜欢{}。",
            "强烈推荐{}，不会后悔的。",
            "幸好选了{}，真开心。",
            "{}值这个价，给五颗星。",
            "一想到{}我就忍不住微笑。",
            "态度亲切，动作又快，{}真让人放心。",
            "妈妈对{}赞不绝口。",
            "起初我有点担心，结果{}出乎意料地好。",
            "{}进步很大，做得好！",
            "今年最正确的决定就是{}。",
            "下次我还会选{}，毫不犹豫。",
            "{}让我们度过了愉快的一天。",
            "找了这么久，{}终于让我称心如意。",
            "孩子们天天夸{}。",
            "多亏了{}，问题一下子就解决了。",
            "{}处处贴心，令人感动。",
            "朋友们都羡慕我，{}实在完美。",
        ),
        "negative": (
            "我对{}非常失望。",
            "{}太差了，钱白花了。",
            "再也不会选{}了。",
            "{}第二天就坏了，没有人管。",
            "因为{}我等了三个小时，连一句道歉都没有。",
            "{}怎么能这么糟糕？",
            "{}越来越不像话。",
            "真后悔相信了{}。",
            "劝大家别在{}上浪费时间。",
            "{}毁了我们的晚上。",
            "{}又脏又慢，还特别贵。",
            "说得好听，{}根本没有用。",
            "为了{}我投诉了好几次，实在受够了。",
            "{}只给我添麻烦。",
            "爸爸被{}气得说不出话。",
            "这几年最糟的经历就是{}。",
            "请把{}的钱退给我。",
            "{}简直是欺骗顾客。",
            "能出错的地方，{}全都出错了。",
            "谁也不应该忍受{}。",
        ),
        "neutral": (
            "关于{}我有一个问题。",
            "星期二的会议上提到了{}。",
            "请告诉我与{}有关的地址。",
            "今天早上我看了两页关于{}的材料。",
            "我约了十点谈{}的事。",
            "{}在我们的清单里是4471号。",
            "请把{}的文件送到二楼。",
            "{}的表格一共三页。",
            "这封信是关于{}的。",
            "{}下个月列入议程。",
            "门口有一张关于{}的通知。",
            "按照日程，{}安排在午饭以后。",
            "我问同事{}上次检查是什么时候。",
            "{}和其他项目见下表。",
            "{}的说明三月份改过。",
            "第六页有一张{}的照片。",
            "我们谈了谈{}，又谈了谈天气。",
            "账单第三行写着{}。",
            "今天有人因为{}打来电话。",
            "{}排在字母C下面。",
        ),
    },
}


if __name__ == "__main__":
    main()
