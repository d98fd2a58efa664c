"""What settings mean: how keys are spelt in files, and how people speak of them.

Each line: spellings | words to search for, best first | nouns | questions. `~` in a question
stands for the program. People who do not know a file's spelling ask by these.
"""

from __future__ import annotations

# ruff: noqa: E501  a table is easier to read in one piece
from dataclasses import dataclass

PROGRAM = "(it|it|the app|the server|the service|this|the program|the tool|the thing|the application|our app|the site|the project)"

_TABLE = """
port listen_port http_port server_port | port | port;port number;listening port;server port;TCP port | (which|what) port (does|will|should) ~ (listen on|run on|use|bind to|start on|open);on (which|what) port (does|can I reach|do I find|is) ~ (run|listen|respond|listening|available|);under (which|what) port is ~ (reachable|running);where does ~ listen
host bind_host listen_address bind_address | host,bind,address | host;host name;bind address;server address;address it binds to | (which|what) (host|address|interface) (does|will) ~ (use|bind to|run on|listen on|connect to);where (does|is) ~ (run|hosted|bind)
db_host database_host db_server | db_host,database,db | database host;db host;database server;host of the database | where (does|is) the (database|db) (live|run|hosted);(which|what) (machine|host|server) (has|runs|hosts) the database;what database server do we connect to
db_name database_name db | db_name,database,db | database name;name of the database;db name | (which|what) database (do we|does ~) (use|connect to|write to|talk to);what is the database called
db_user database_user | db_user,user | database user;db user;user for the database | (which|what) user (do we|does ~) (connect|log in) to the database (as|with);who logs in to the database
db_path database_path sqlite_path database_file | db_path,database,sqlite | database path;database file;path of the database | where is the (database|db|sqlite file|data) (kept|stored|saved);(which|what) file is the database
database_url db_url DATABASE_URI | database,db | database url;connection string;database address;DSN | what (do we|does ~) connect to;how does ~ reach the database
timeout request_timeout connect_timeout timeout_seconds read_timeout timeout_s | timeout | timeout;time limit;request timeout;waiting time | how long (does|will) ~ wait (before giving up|for an answer|for a reply|);after how (long|many seconds) does (~|a request) (time out|give up);when does a request time out
retries max_retries retry_count max_attempts retry_limit | retr,attempt | number of retries;retries;retry limit;retry count;maximum number of attempts | how (often|many times) (does|will) ~ (retry|try again|try|repeat a request);how many (retries|attempts|tries) (are there|are allowed|do we make|before it fails)
retry_delay backoff retry_wait | delay,backoff,retry | retry delay;delay between retries;pause between attempts;backoff | how long (does|do) (~|we) wait (between|before) (two attempts|retries|the next try)
log_level logging_level level loglevel verbosity | level,log | log level;logging level;verbosity;level of logging | (how|at what level) (verbose|much|) (does|is) (~|the logging) (log|set|logging);at (which|what) level (do we|does ~) log;how (chatty|verbose|detailed) are the logs
log_file log_path logfile log_dir | log | log file;log path;place of the logs;log folder | where (do|are|does) (the logs|logs|~|log messages) (go|written|end up|stored|saved|log to);(which|what) file (do we|does ~) log to
debug debug_mode DEBUG | debug | debug mode;debug flag;debug setting;debugging | is (debug|debugging|debug mode) (on|off|enabled|active|switched on);are we (in debug mode|debugging);does ~ run in debug mode
workers n_workers num_workers worker_count threads max_workers pool_size | worker,thread,pool | number of workers;worker count;workers;number of threads;pool size | how many (workers|threads|processes|worker processes) (are there|do we start|does ~ use|run|are started|do we have);with how many workers does ~ run
max_connections connection_limit max_clients | connection,client | maximum number of connections;connection limit;most connections | how many (connections|clients) (are allowed|can there be|at most|can connect|does ~ take)
max_upload max_upload_mb upload_limit max_file_size | upload,size | upload limit;maximum upload size;largest upload;file size limit | how (big|large) (may|can) (an upload|a file|uploads|uploaded files) be;what is the biggest file (one can|I can|we can|users can) upload
batch_size chunk_size | batch,chunk | batch size;size of a batch;chunk size | how (big|large) is (a|one|each) batch;how many (items|rows|records|samples) are (in|handled in) (a|one) batch
page_size items_per_page per_page posts_per_page | page | page size;items per page;entries per page;posts on a page | how many (items|entries|posts|results|things|rows) (are|do we show|are shown|fit) (on|per) (a|one|each) page
session_ttl session_lifetime session_timeout session_minutes | session | session lifetime;session length;session timeout | how long (does|do|is) (a session|sessions|a login|users) (last|live|stay logged in|valid);when (does a session|do sessions) (expire|end)
cache_ttl cache_seconds cache_timeout cache_lifetime | cache | cache lifetime;cache time;cache ttl | how long (is|are|do we) (anything|things|results|pages|entries) (cached|kept in the cache|cache things);when does the cache expire
cache_dir cache_path cache_folder | cache | cache folder;cache directory;place of the cache | where is the cache( kept| stored|);(which|what) folder (holds|has) the cache
cache_enabled use_cache caching cache | cache,caching | caching;cache switch;use of the cache | is (caching|the cache) (on|off|enabled|used|active);do we cache( anything|)
data_dir data_path data_folder storage_dir | data,storage | data folder;data directory;data path | where (is|does) (the data|~ keep its data|our data) (stored|kept|);(which|what) (folder|directory) (holds|is for) the data
output_dir out_dir output_path build_dir dist_dir export_dir | output,out,build | output folder;output directory;target folder;build folder | where (do|does|are|is) (the results|the output|~|the built files|the build) (go|written to|write to|end up|saved)
input_file input_path source_file source_dir content_dir | input,source | input file;source file;input path;source folder | (where|from which file) (does|do) (~|the data|the input) (come from|read|start);what (does|will) ~ read
upload_dir upload_folder media_dir | upload,media | upload folder;upload directory | where (do|are) (uploads|uploaded files) (go|stored|saved|kept)
static_dir static_folder assets_dir template_dir templates | static,asset,template | static folder;assets folder;folder of the static files | where are the (static files|assets|templates)
api_key api_token access_key | api,key,token | API key;key for the API;access key;API token | (which|what) (key|API key|token) (do we|does ~) (use|send)
secret_key secret jwt_secret session_secret | secret | secret key;secret;signing secret | what is used (to sign|for signing) (sessions|tokens)
base_url site_url api_url server_url root_url api_base | url | base URL;site address;API address;URL;root url | (under|at) (which|what) (url|address) (is|does) ~ (live|reachable|run|published|respond);(which|what) (url|address|API) (does|do) (~|we) (call|use|talk to|request|fetch from)
webhook_url webhook callback_url | webhook,callback,hook | webhook;webhook address;callback url | where (do|are) (notifications|alerts|callbacks) (go|sent|posted)
email admin_email contact_email support_email contact | mail,contact | email address;e-mail;contact address;contact;admin's email | (who|whom) (do I|can I|should I|to) (write to|contact|mail)( for help| with problems|);(which|what) (address|mail address) (gets|receives) the mails
smtp_host mail_server smtp_server | smtp,mail | mail server;SMTP host;mail host | (which|what) server sends (the|our) (mails|emails|messages);how are mails sent
smtp_port mail_port | smtp,mail | SMTP port;mail port;port of the mail server | (which|what) port (is used for|do we use for) mail
username user admin_user login default_user | user,login | user name;username;login name;default user | (who|as whom|under which name) (does|do) (~|we) log in
title site_title site_name app_title app_name name project_name | title,name | title;site title;name;app name;project's name | (what|how) is (~|this site|the whole thing) (called|named);what (does|do) (~|we) call (itself|it)
description tagline subtitle summary | description,tagline,subtitle | description;tagline;subtitle;one line summary | how (does|is) ~ (describe itself|described)
author maintainer owner created_by | author,maintainer,owner | author;maintainer;owner;person behind it;creator | who (wrote|made|owns|maintains|created|is behind|is responsible for|runs|looks after) (~|this project|this|all this)
version app_version release release_version | version | version;version number;release;current version;release number | (which|what) (version|release) (is|of) (~|this|the project) (is it|at|do we have|are we on|is installed|);(how new|what release) is ~
license licence | licen | license;licence;licensing terms | under (which|what) (license|licence|terms) is ~( published| released|);(how|what) is ~ licensed( under|);may I use ~ at work
language lang locale default_language | lang,locale | language;default language;locale | (which|what) language (does|is) (~|the site) (use|in|speak|default to|set to)
timezone time_zone tz | timezone,tz,zone | time zone;timezone | in (which|what) time zone (does|do|are) (~|we|the times) (run|live|given|)
theme color_scheme color_theme | theme,color | theme;colour scheme;color theme;look | (which|what) theme (do we|does ~) (use|have|show);how does ~ look
currency | currency | currency;money | in (which|what) currency (are|do we) (prices|pay|bill|amounts)( given|)
tax_rate vat vat_rate tax | tax,vat | tax rate;VAT;tax;VAT rate | how much (tax|VAT) (do we|is) (add|charge|charged|there)
discount discount_rate | discount | discount;discount rate | how much discount (do we give|is there)
shipping shipping_cost delivery_fee | ship,deliver | shipping cost;shipping fee;delivery cost | how much (is|does|do we charge for) (shipping|delivery)( cost|)
interval poll_interval check_interval update_interval refresh_interval refresh_seconds | interval,refresh | interval;polling interval;time between checks;refresh time;update interval | how often (does|do|is) (~|we|the data|it) (check|poll|refresh|update|look|run|refreshed|fetched)
schedule cron cron_schedule run_at backup_time | schedule,cron | schedule;cron line;time of the run | when (does|do|is) (~|the job|the backup|backups|the nightly job) (run|start|done|due)
retention retention_days keep_days keep backups_to_keep | keep,retention | retention;days of retention;number of kept copies;keep time | (how long|for how many days) (are|do we|is) (backups|logs|files|data|old files|copies) (kept|keep data|stay);how many (backups|copies|days) (are kept|do we keep)
backup_dir backup_path backup_target destination target | backup,target,dest | backup folder;backup target;destination;place of the backups | where (do|are|does) (backups|the backups|copies|the backup) (go|stored|end up|written|put)
rate_limit requests_per_minute max_requests | rate,request | rate limit;requests per minute;request limit | how many (requests|calls) (are allowed|may one make|per minute)( per minute| in a minute|)
limit max_items max_results max_rows | limit,max | limit;maximum;most items;result limit | how many (results|items|rows|entries) (at most|are allowed|do we get|can there be|come back)
memory memory_limit max_memory mem_limit | mem | memory limit;memory;RAM | how much (memory|RAM) (may|does|can|is) (~|it|there) (use|get|have|)
replicas instances replica_count | replica,instance | number of replicas;replicas;instances | how many (replicas|instances|copies) (run|are there|of ~ run|do we have)
image docker_image base_image container_image | image | image;docker image;container image;base image | (which|what) (image|docker image|container) (do we|does ~) (use|run|build on|start from)
branch default_branch deploy_branch | branch | branch;deploy branch;default branch | (which|what) branch (is|do we|gets) (deployed|deploy|built|used)
environment env mode stage app_env | env,mode,stage | environment;mode;stage | (in|for) (which|what) (environment|mode) (are we|is|does) ~ (run|in|);is (this|it|~) (production|staging|a test system)
region zone location city | region,zone,location,city | region;location;place;zone | (where|in which region) (is|does|are) (~|our servers|we) (located|run|hosted|deployed|);for (which|what) (city|place) is this
units temperature_unit unit | unit | unit;units;unit of measurement | in (which|what) (unit|units) (are|is) (temperatures|values|the numbers|it)( given| measured| shown|)
threshold alert_threshold warn_at max_temp min_score | threshold,warn,min,max | threshold;alert threshold;warning limit;limit for a warning | (when|at what value|from which value on) (do we|does ~|will ~) (warn|alert|raise an alarm|complain)
learning_rate lr | learning_rate,lr,rate | learning rate;step size | how fast does (it|the model) learn
epochs n_epochs num_epochs | epoch | number of epochs;epochs;training rounds | how (many|long) (epochs|rounds|) (do we|does it|is the model) (train|trained|run)
seed random_seed | seed | seed;random seed | (which|what) seed (do we|does ~) use
model model_name model_path | model | model;model name;name of the model | (which|what) model (do we|does ~|is) (use|load|used|run)
width max_width line_length line_width image_width | width,length | width;maximum width;line length | how (wide|long) (is|may|can) (it|a line|an image|a page|the window) be
height max_height image_height | height | height;maximum height | how (tall|high) (is|can) (it|an image|the window)( be|)
font font_family font_name font_size | font | font;font family;font size;typeface | (which|what) font (do we|does ~) use
quality jpeg_quality compression | quality,compress | quality;image quality;compression | how (strongly|much) (is it|are images) compressed
currency_symbol delimiter separator | delimiter,separator,symbol | delimiter;separator | what separates the (fields|columns|values)
encoding charset file_encoding | encoding,charset | encoding;character set;charset | (which|what) encoding (is|do we|does ~) (used|use|expect)
format output_format export_format date_format | format | format;output format;file format;export format | in (which|what) format (are|is|does|do) (the results|the output|~|dates) (written|saved|given|export)
password_length min_password min_password_length | password | minimum password length;password length;shortest password | how long (must|should|does) a password (be|have to be|need to be)
max_players players lives start_lives | player,live | number of players;players;lives | how many (players|lives) (are there|can play|does one have|do you start with|start)
difficulty level_name game_mode | difficulty,mode | difficulty;game mode;difficulty level | how (hard|difficult) is (it|the game)
speed max_speed start_speed fps | speed,fps | speed;maximum speed;frames per second | how fast (is|does) (it|the game|~) (go|run|)
greeting welcome_message welcome message | greeting,welcome,message | greeting;welcome message;message;welcome text | (how|with what words) (does|are) (~|users|it) (greet us|greet users|welcomed|say hello);what does ~ say (first|at the start)
footer footer_text copyright | footer,copyright | footer;footer text;copyright line | what (stands|is) (at the bottom|in the footer)
ssl use_ssl tls https ssl_enabled | ssl,tls,https | encryption;SSL;TLS;https | (is|do we use) (SSL|TLS|https|encryption)( on| enabled| used|)
autosave auto_save auto_update auto_reload | auto | automatic saving;autosave;auto update;auto reload | does ~ (save|update|reload) (itself|by itself|automatically)
notifications notify alerts send_mail email_notifications | notif,alert | notifications;alerts;messages to users | (do we|does ~) (notify|send alerts to|inform) (anybody|users|anyone);are (notifications|alerts) (on|off|enabled)
dark_mode darkmode | dark | dark mode;dark look | is (dark mode|the dark look) (on|off|enabled)
registration allow_signup signup allow_guests open_registration | sign,regist,guest | registration;sign-up;guest access;open registration | (can|may) (anybody|anyone|guests|new users|people) (sign up|register|log in|join)
price price_per_unit unit_price fee | price,fee | price;fee;unit price;cost | how much (is|does) (it|one|a unit) (cost|);what does it cost
deadline due_date launch_date release_date expires | deadline,due,date,expires | deadline;due date;launch date;release date | (when|by when|until when) (is|must|do) (it|this|we) (due|be done|launch|finish|released)
queue_size queue_length max_queue | queue | queue size;length of the queue;queue limit | how (long|big) (may|can) the queue (be|get);how many jobs (may|can) wait
queue_name queue topic | queue,topic | queue;name of the queue;topic | (which|what) queue (do we|does ~) (use|read|listen to)
redis_url redis_host cache_url broker_url | redis,broker,cache | redis address;broker;redis host | where is redis;(which|what) redis (do we|does ~) use
token_ttl token_lifetime jwt_expiry token_expiry | token,jwt | token lifetime;expiry of tokens;token expiry | how long (is|are) (a token|tokens|the login token) valid;when do tokens expire
max_login_attempts login_attempts lockout_after | login,attempt,lockout | login attempts;wrong logins allowed | how many (wrong|failed) (logins|passwords|attempts) (are allowed|until one is locked out|may one have)
upload_types allowed_types allowed_extensions | allowed,type | allowed file types;accepted types | (which|what) (files|types|formats|kinds of files) (may|can) (one|I|users) upload
thumbnail_size thumb_size preview_size | thumb,preview | thumbnail size;size of previews | how big are (thumbnails|previews|the small pictures)
max_width image_size canvas_width | width,size | image width;picture size;canvas width | how wide are (pictures|images)
background_color bg_color background | background,bg | background colour;background | (what|which) colour (is|has) the background;what colour is the page
primary_color accent_color main_color | primary,accent,color | main colour;accent color;primary colour | (what|which) colour (do|have) (links|buttons)( have|);what is our colour
font_size base_font text_size | font,text | text size;size of the font | how (big|large) is the (text|font|writing)
sidebar_width menu_width panel_width | sidebar,menu,panel | width of the sidebar;menu width | how wide is the (sidebar|menu|panel)
logo logo_file logo_path | logo | logo;logo file | where is the logo;(which|what) (picture|file) is the logo
favicon icon icon_file | icon | icon;favicon | (which|what) icon do we (use|have)
phone phone_number support_phone hotline | phone,hotline | phone number;hotline;support number | (what number|where) (do|can) (I|people|customers) call;how can (we|they) be (reached|called)
address street office_address | address,street | address;postal address;street | where (is|are) (the office|we|the shop)( located|);to which address (do I|can I) send a letter
opening_hours open_hours hours | open,hours | opening hours;hours | when (are we|is the shop|is it|do you) open;from when to when are we open
company company_name organization org | company,organi | company;organisation;name of the company | (which|what) company (is this|owns this|do we work for)
country default_country nation | country | country;default country | (which|what|for which) country (is|are) (this|we|it)( in| for|)
max_guests capacity seats | guest,capacity,seat | capacity;number of seats;most guests | how many (people|guests) (fit|can come|may come|are allowed);is there room for everyone
max_order min_order order_limit | order | order limit;smallest order;minimum order | how much (must|can) (one|a customer|I) order
free_shipping_from free_shipping | ship | free shipping limit;amount for free delivery | (from when|from which amount|when) is (shipping|delivery) free
return_days refund_days | return,refund | days for returns;return period;refund time | (how long|until when) can (one|customers|I) (return|send back) (things|goods|an order|something)
invoice_prefix order_prefix number_prefix | prefix | prefix;prefix of invoices;start of the numbers | (how|with what) do (invoice|order) numbers (start|begin)
batch_delay cooldown pause sleep | cooldown,pause,sleep,delay | pause;cooldown;waiting time | how long (does|do) (~|we) (sleep|pause|rest)
heartbeat ping_interval keep_alive | heartbeat,ping,keep | heartbeat;keep-alive time;ping interval | how often does ~ (ping|send a heartbeat|show that it lives)
proxy http_proxy proxy_url | proxy | proxy;proxy address | (do we|does ~) (go through|use) a proxy;which proxy do we use
user_agent agent client_name | agent | user agent;agent string | (how|as what) does ~ (present|announce|identify) itself
cert_file ssl_cert certificate tls_cert | cert | certificate;certificate file | where is the certificate( kept|);which certificate do we use
key_file ssl_key private_key | key | key file;private key | where is the (private key|key)( kept|)
allowed_hosts allowed_origins cors_origins whitelist | allowed,cors,origin,white | allowed hosts;allowed origins;white list | (who|which hosts|which sites) (may|can|are allowed to) (call|connect|use) (~|it|us)
admin admin_user superuser root_user | admin,super | admin;administrator;admin user | who is (the admin|administrator|the boss of ~)
group role default_role | role,group | default role;role of new users;group | (which|what) role (does|do) (a new user|new users|guests) (get|have)
min_age age_limit max_age | age | age limit;minimum age | how old (must|should) (one|a user|users) be
max_length max_chars char_limit title_length | length,chars | maximum length;character limit;longest text | how long (may|can) (a text|a title|a message|a post|a comment) be
comments_enabled allow_comments comments | comment | comments | (can|may) (one|people|readers|users) (comment|leave comments);are comments (on|allowed|possible)
search_enabled search enable_search | search | search;search box | (does|has) ~ (have a search|got search);can one search
analytics tracking telemetry stats_enabled | analytic,track,telemetry,stats | analytics;tracking;telemetry | (do we|does ~) (track|watch|count|send data about) (users|visitors|anybody)
maintenance maintenance_mode read_only | maintenance,read_only | maintenance mode;read-only mode | (is|are) (~|we) (down for maintenance|in maintenance|read only)
feature_flags beta experimental preview | beta,experiment,feature,preview | beta features;experimental features;preview | are (beta|experimental|new) features (on|enabled)
sort_by order_by sort default_sort | sort,order | sort order;sorting;order of the list | (how|by what) (are|is) (~|the list|entries|results|items) (sorted|ordered)
max_depth depth recursion_limit | depth,recursion | maximum depth;depth;recursion limit | how deep (may|does|can) (~|it) go
tolerance epsilon precision | tolerance,epsilon,precision | tolerance;precision;allowed error | how (exact|precise) (is|must) ~( be|)
dropout dropout_rate | dropout | dropout;dropout rate | how much dropout (is there|do we use)
optimizer optim | optim | optimizer;optimiser | (which|what) (optimizer|optimiser) do we use
dataset data_set train_file corpus | dataset,train,corpus,data | data set;training data;training file | (what|on what) (data |)(do we|is it|is the model) (train|trained)( on|)
test_size split validation_split val_split | split,test_size,val | test split;share for validation;test share | how much (data |)(is|do we) (kept|keep) for (testing|validation)
checkpoint checkpoint_dir save_dir | checkpoint,save | checkpoint;checkpoint folder | where (are|do) (checkpoints|the weights) (saved|go)
gpu device cuda | gpu,device,cuda | device;gpu | (does ~|do we) (run|train) on (a|the) gpu;on which device does it run
python_version python requires_python node_version | python,node | python version;needed python version;language version | (which|what) (python|version of python) (do we|does ~|do I) need;is my python new enough
entry entrypoint main_file start_file | entry,main,start | entry point;main file;start file | (where|with which file) does ~ (start|begin);which file do I start
command cmd start_command run_command | command,cmd | command;start command | (how|with which command) is (~|it) started;what does it run
restart restart_policy always_restart | restart | restart policy;restarting | (does|will) ~ (restart|come back) (by itself|after a crash|automatically)
volume volumes mount data_volume | volume,mount | volume;mounted folder | (which|what) (folder|volume) is mounted
network subnet network_name | network,subnet | network;name of the network | in (which|what) network (is|does) ~( run|)
dns dns_server nameserver | dns,nameserver | dns server;name server | (which|what|who) (dns|name server) do we use
gateway router default_gateway | gateway,router | gateway;router address | what is the (way out|router)
ssid wifi_name wlan | ssid,wifi,wlan | wifi name;name of the wifi;ssid | (what|how) is the wifi called;which wifi do we use
wifi_password wlan_key psk | wifi,wlan,psk | wifi password;key of the wifi | how do I get into the wifi
sample_rate sampling_rate frequency | rate,frequency | sample rate;sampling frequency | how often (is|do we) (measured|measure|sample)
volume_level loudness gain | volume,loud,gain | volume;loudness | how loud is (it|~)
brightness contrast light_level | bright,contrast,light | brightness;contrast | how bright is (it|the screen|~)
temperature target_temp setpoint | temp,setpoint | temperature;target temperature | how (warm|hot|cold) (should|will) it (be|get)
pump_seconds water_time watering_seconds | pump,water | watering time;pump time | how long (do we|does ~|does the pump) (water|run)
night_mode quiet_hours night_start | night,quiet | quiet hours;night mode;start of the night | when (is|does) (~|it|the night) (quiet|start)
max_score high_score points_to_win goal | score,points,goal | high score;points to win;goal | how many points (does one need|do I need|to win);when (has|does) one (won|win)
board_size grid_size rows map_size | board,grid,rows,map | board size;grid size;size of the map | how (big|large) is the (board|grid|map|field)
turn_seconds time_per_turn round_time | turn,round,time | time per turn;round time | how (long|much time) (is a round|does one have|has a player)
spawn_rate enemies n_enemies monsters | enem,spawn,monster | number of enemies;enemies | how many (enemies|monsters) (are there|come)
ingredients serves portions servings | serve,portion | servings;portions | (for how many|how many people) (people |)(is it|does it serve|can eat)
bake_time oven_temp cook_minutes | bake,oven,cook | baking time;oven temperature;cooking time | how (long|hot) (must|does|do I) (it|I) (bake|cook|be in the oven)
"""


@dataclass(frozen=True)
class Meaning:
    """One concept."""

    keys: tuple[str, ...]
    searches: tuple[str, ...]
    """Words that find it in files, best first."""
    nouns: tuple[str, ...]
    questions: tuple[str, ...]
    """Templates of whole questions."""


def _read() -> tuple[Meaning, ...]:
    found = []
    for line in _TABLE.strip().splitlines():
        keys, searches, nouns, questions = _columns(line)
        found.append(
            Meaning(
                tuple(keys.split()),
                tuple(searches.strip().split(",")),
                tuple(noun.strip() for noun in nouns.split(";")),
                tuple(q.strip().replace("~", PROGRAM) for q in questions.split(";")),
            )
        )
    return tuple(found)


def _columns(line: str) -> list[str]:
    """The four columns: bars inside of parentheses and within alternatives do not divide."""
    return [part.strip() for part in line.split(" | ", 3)]


MEANINGS = _read()
_BY_KEY: dict[str, Meaning] = {}
for _meaning in MEANINGS:
    for _key in _meaning.keys:
        _BY_KEY.setdefault(_key.lower(), _meaning)
MEANT_KEYS = tuple(dict.fromkeys(key for meaning in MEANINGS for key in meaning.keys))


def meaning_of(name: str) -> Meaning | None:
    """The concept of a key in any spelling."""
    plain = name.lower().replace("-", "_").rsplit(".", 1)[-1]
    return _BY_KEY.get(plain)
