"""Keywords of the painter, as tables of comma-separated words.

Words of spaced scripts match whole (a plural ``s`` or ``es`` is allowed); in scripts without
spaces the longest known word wins.  The key with the most matches wins, then the one listed first.
"""

from __future__ import annotations

# Common words that contain a keyword by accident; they match nothing.
IGNORED = "海报, 青年, 青春, 唐朝, 朝代, 朝着, 朝向, 花费, 江湖, 山东, 山西, 雨果, 星期, 明白"

MOTIFS: dict[str, str] = {
    "cat": (
        "cat, kitten, kitty, gato, gata, gatito, chat, chaton, katze, kätzchen, neko, gatto, "
        "猫, 貓, 喵, 小猫, 橘猫, ねこ, ネコ, 子猫, кот, кошка, 고양이, 黑猫, 白猫, 花猫"
    ),
    "portrait": (
        "portrait, bust, woman, man, girl, boy, face, person, lady, retrato, mujer, hombre, "
        "rostro, femme, homme, visage, frau, mann, gesicht, porträt, poet, dancer, samurai, "
        "queen, 肖像, 人像, 人物, 女孩, 少女, 男孩, 女人, 男人, 面孔, 头像, 女性, 男性, 顔, "
        "портрет, 초상"
    ),
    "still": (
        "still life, fruit, bowl, cup, mug, teapot, vase, apple, orange fruit, pear, lemon, "
        "peach, bread, bottle, bodegón, fruta, tazón, taza, manzana, limón, nature morte, "
        "pomme, tasse, bouteille, poire, stillleben, obst, apfel, schale, birne, zitrone, "
        "breakfast, tea, 静物, 水果, 苹果, 碗, 杯子, 茶杯, 茶壶, 花瓶, 梨, 柠檬, 桃子, 果物, "
        "林檎, りんご, レモン, 茶碗, натюрморт, 정물"
    ),
    "space": (
        "space, planet, galaxy, nebula, cosmos, orbit, astronaut, universe, saturn, mars, "
        "jupiter, spaceship, rocket, espacio, planeta, galaxia, cohete, espace, planète, "
        "galaxie, fusée, weltraum, weltall, rakete, milky way, comet, 太空, 宇宙, 星球, 行星, "
        "银河, 星云, 宇航员, 火箭, 土星, 火星, 飞船, 惑星, 銀河, ロケット, космос, 우주"
    ),
    "cafe": (
        "cafe, café, cafeteria, terrace, coffee, coffeehouse, street, alley, awning, bistro, "
        "bar, market, lantern, restaurant, bookshop, shop, terraza, calle, mercado, cafetería, "
        "rue, terrasse, ruelle, marché, straße, strasse, gasse, kaffee, laden, lane, "
        "night market, 咖啡, 咖啡馆, 街, 小巷, 巷子, 胡同, 露台, 夜市, 灯笼, 餐馆, 酒馆, 书店, "
        "集市, カフェ, 喫茶, 通り, 路地, 市場, кафе, улица, 카페, 거리"
    ),
    "city": (
        "city, skyline, skyscraper, downtown, town, tower, neon, metropolis, cyberpunk, urban, "
        "tokyo, shanghai, new york, manhattan, paris, london, ciudad, rascacielos, torre, "
        "ville, gratte-ciel, stadt, hochhaus, bridge, rooftop, 城市, 都市, 天际线, 高楼, 摩天, "
        "大厦, 霓虹, 上海, 香港, 东京, 北京, 塔楼, 街区, 都会, ビル, 夜景, 東京, город, 도시, "
        "夜都市"
    ),
    "lake": (
        "lake, pond, reflection, mirror, still water, fjord, river, lago, laguna, reflejo, "
        "río, lac, étang, reflet, rivière, teich, spiegelung, fluss, loch, 湖, 湖泊, 倒影, "
        "池塘, 河, 江, 河流, 西湖, 湖面, 水面, 池, 川, みずうみ, озеро, река, 호수, bergsee, "
        "am see"
    ),
    "sea": (
        "sea, ocean, coast, beach, wave, shore, island, harbor, harbour, lighthouse, sailboat, "
        "boat, ship, cliff, seaside, surf, whale, mar, océano, costa, playa, ola, isla, barco, "
        "faro, mer, océan, côte, plage, vague, île, bateau, phare, meer, ozean, küste, strand, "
        "welle, insel, schiff, leuchtturm, bay, 海, 大海, 海边, 海岸, 海滩, 沙滩, 浪, 波浪, "
        "岛, 灯塔, 帆船, 港, 小船, 渔船, 海洋, 砂浜, 波, 島, 灯台, 船, море, 바다, 海鸥, 海浪"
    ),
    "desert": (
        "desert, dune, sahara, sand, oasis, camel, canyon, mesa, desierto, duna, camello, "
        "désert, sable, chameau, wüste, düne, kamel, 沙漠, 沙丘, 戈壁, 大漠, 骆驼, 绿洲, 峡谷, "
        "黄沙, 敦煌, 砂漠, 砂丘, пустыня, 사막, sandy"
    ),
    "winter": (
        "snow, winter, snowy, frost, ice, cabin, glacier, arctic, christmas, polar, nieve, "
        "invierno, hielo, navidad, neige, hiver, glace, noël, schnee, eis, weihnachten, "
        "frozen, 雪, 冬, 冬天, 雪地, 冰, 雪景, 小木屋, 圣诞, 冬日, 霜, 氷, 冬景色, зима, снег, "
        "겨울, 눈밭, 下雪, 大雪, 飘雪, 飞雪, 风雪, 雪山"
    ),
    "garden": (
        "garden, flower, blossom, meadow, rose, tulip, sunflower, poppy, poppies, bloom, "
        "wildflower, lavender, bouquet, daisy, daisies, peony, lotus, orchard, jardín, jardin, "
        "flor, prado, rosa, girasol, fleur, prairie, tournesol, lavande, garten, blume, "
        "blumen, wiese, 花, 花园, 花海, 草地, 草原, 玫瑰, 郁金香, 向日葵, 牡丹, 荷花, 樱花, "
        "野花, 花朵, 庭院, 庭, お花, 桜, 草, сад, цветы, 정원, 꽃, 梨花, 桃花, 樱"
    ),
    "forest": (
        "forest, wood, woods, woodland, tree, jungle, pine, fir, grove, birch, bamboo, bosque, "
        "selva, árbol, pino, forêt, bois, arbre, sapin, wald, baum, bäume, kiefer, redwood, "
        "森林, 树林, 树, 林, 丛林, 松, 竹, 竹林, 白桦, 森, 木々, 松林, лес, 숲"
    ),
    "mountains": (
        "mountain, peak, hill, alps, alpine, ridge, valley, summit, volcano, himalaya, "
        "landscape, montaña, colina, valle, cumbre, volcán, paisaje, montagne, colline, "
        "vallée, paysage, berg, berge, gipfel, hügel, landschaft, fuji, highland, 山, 山脉, "
        "高山, 群山, 山谷, 峰, 山水, 富士, 火山, 黄山, 风景, 山々, 谷, 風景, горы, гора, 산맥, "
        "雪山"
    ),
    "abstract": (
        "abstract, pattern, geometric, geometry, bauhaus, minimal, minimalist, shapes, "
        "texture, gradient, abstracto, geométrico, patrón, abstrait, géométrique, motif, "
        "abstrakt, geometrisch, muster, wallpaper, 抽象, 几何, 图案, 纹理, 极简, 渐变, 抽象画, "
        "幾何, 模様, абстракция"
    ),
}

LIGHTS: dict[str, str] = {
    "sunset": (
        "sunset, dusk, evening, twilight, golden hour, atardecer, ocaso, puesta de sol, "
        "coucher de soleil, crépuscule, soir, sonnenuntergang, abend, dämmerung, nightfall, "
        "日落, 黄昏, 傍晚, 夕阳, 晚霞, 落日, 夕焼け, 夕日, 夕暮れ, закат, 노을"
    ),
    "dawn": (
        "dawn, sunrise, morning, daybreak, amanecer, alba, mañana, aube, aurore, matin, "
        "morgen, sonnenaufgang, morgenröte, 日出, 清晨, 黎明, 早晨, 朝阳, 晨, 拂晓, 朝, "
        "夜明け, 日の出, рассвет, 새벽"
    ),
    "night": (
        "night, midnight, moon, moonlight, moonlit, starry, stars, star, aurora, nocturne, "
        "noche, luna, estrella, estrellas, nuit, lune, étoile, nacht, mond, stern, sterne, "
        "neon, 夜, 夜晚, 月, 月光, 月亮, 星空, 星星, 深夜, 夜色, 极光, 星, 月夜, ночь, 밤하늘, "
        "银河, 夜市, 夜景"
    ),
    "noon": (
        "noon, day, sunny, midday, daylight, bright, summer, blue sky, mediodía, día, verano, "
        "soleado, midi, jour, été, ensoleillé, mittag, tag, sommer, sonnig, 正午, 中午, 白天, "
        "晴, 晴天, 阳光, 夏, 夏天, 蓝天, 昼, 夏日, день, 낮"
    ),
}

WEATHERS: dict[str, str] = {
    "storm": (
        "storm, thunder, lightning, tempest, stormy, tormenta, relámpago, orage, tempête, "
        "foudre, sturm, gewitter, blitz, 暴风, 雷, 闪电, 暴雨, 风暴, 雷雨, 嵐, 稲妻, гроза, "
        "폭풍"
    ),
    "rain": (
        "rain, rainy, drizzle, umbrella, downpour, lluvia, lluvioso, paraguas, pluie, "
        "pluvieux, parapluie, regen, regenschirm, 雨, 下雨, 细雨, 雨伞, 烟雨, 雨天, дождь, "
        "비오는"
    ),
    "fog": (
        "fog, mist, misty, foggy, haze, hazy, niebla, bruma, neblina, brouillard, brume, "
        "nebel, dunst, 雾, 薄雾, 云海, 霧, 雾气, 朦胧, 霞, かすみ, туман, 안개"
    ),
    "snowfall": (
        "snowfall, snowing, blizzard, snowstorm, snowflake, nevada, nevando, flocon, "
        "schneefall, schneesturm, 下雪, 飘雪, 雪花, 大雪, 飞雪, 风雪, 吹雪, 粉雪, снегопад, "
        "눈보라"
    ),
}

SEASONS: dict[str, str] = {
    "autumn": (
        "autumn, fall foliage, october, maple, harvest, otoño, automne, herbst, 秋, 秋天, 枫, "
        "红叶, 落叶, 秋日, 紅葉, осень, 가을"
    ),
    "spring": (
        "spring, april, cherry blossom, sakura, primavera, printemps, frühling, 春, 春天, 樱, "
        "桃花, 樱花, 桜, весна, 벚꽃, 봄"
    ),
    "summer": "summer, july, verano, été, sommer, 夏, 夏天, лето, 여름",
}

PROPS: dict[str, str] = {
    "boat": (
        "boat, sailboat, ship, sail, barco, velero, bateau, voilier, boot, schiff, segelboot, "
        "船, 帆, 舟, ヨット, 帆船, 渔船, 小船"
    ),
    "lighthouse": "lighthouse, faro, phare, leuchtturm, 灯塔, 灯台",
    "house": (
        "house, cabin, cottage, hut, home, casa, cabaña, maison, cabane, haus, hütte, 房子, "
        "小屋, 木屋, 房屋, 小木屋"
    ),
    "rings": "saturn, ring, ringed, anillo, saturno, anneau, saturne, ringe, 土星, 光环, 星环",
    "birds": (
        "bird, birds, gull, crane, goose, swallow, pájaro, gaviota, oiseau, mouette, vogel, "
        "vögel, 鸟, 海鸥, 燕, 雁, 鹤, 鳥, カモメ"
    ),
}

COLOURS: dict[str, str] = {
    "#d8433c": "red, crimson, scarlet, vermilion, rojo, rouge, rot, 红, 赤, 朱, 紅, красный",
    "#ee8434": "orange, amber, naranja, 橙, 橘, オレンジ",
    "#eabf3f": "yellow, gold, golden, amarillo, dorado, jaune, doré, gelb, 黄, 金, золотой",
    "#4f9d5b": "green, emerald, olive, verde, vert, grün, 绿, 翠, 緑, зелёный",
    "#1f9a96": "teal, turquoise, cyan, turquesa, türkis, 青, 碧",
    "#2f6fc4": "blue, azure, cobalt, indigo, navy, azul, bleu, blau, 蓝, 藍, 靛, синий",
    "#8254b5": "purple, violet, lilac, morado, violeta, violett, lila, 紫, фиолетовый",
    "#e77fa3": "pink, magenta, rosado, 粉, ピンク, розовый",
    "#8a5a3c": "brown, sepia, marrón, brun, braun, 棕, 褐, 茶色",
    "#9a9a98": "grey, gray, monochrome, silver, gris, grau, 灰, 银, 水墨, モノクロ",
    "#f1ece0": "white, ivory, cream, blanco, blanc, weiß, 白",
    "#23232a": "black, negro, noir, schwarz, 黑, 墨, 黒, 黑猫",
}
