-- A state that version 0.1.0 wrote, before names were folded as they are now.
CREATE TABLE accepted_reads (
    instance text   not null primary key,
    run      text   not null,
    at       bigint not null,
    read     text   not null,
    followed text   not null
);
INSERT INTO "accepted_reads" VALUES('production','01M8G6SH88914BCGBMY8W8M39F',1795840329172,'{"mask":"Campaign - acme - (.*)","membership":"effective","manage":"ims","users":5,"matched":[{"group":"delivery","profile_id":61001,"profile":"Campaign - acme - delivery"},{"group":"größe","profile_id":61003,"profile":"Campaign - acme - größe"},{"group":"ops","profile_id":61002,"profile":"Campaign - acme - ops"}]}','[]');
CREATE TABLE approvals (
    instance   text   not null,
    digest     text   not null,
    approver   text   not null,
    at         bigint not null,
    expires_at bigint not null,
    primary key (instance, digest)
);
CREATE TABLE approved_changes (
    instance        text   not null,
    digest          text   not null,
    op              text   not null,
    group_folded    text   not null,
    operator_folded text   not null,
    profile         text   not null,
    primary key (instance, digest, op, group_folded, operator_folded),
    foreign key (instance, digest) references approvals (instance, digest)
);
CREATE TABLE call_windows (
    organization       text not null primary key,
    users_first_page   bigint,
    groups_first_page  bigint,
    not_before         bigint,
    listing_read_at    bigint,
    listing            text
);
INSERT INTO "call_windows" VALUES('0123456789ABCDEF01234567@AdobeOrg',1795840329088,1795840329083,NULL,1795840329084,'[{"id":61001,"name":"Campaign - acme - delivery","member_count":4},{"id":61002,"name":"Campaign - acme - ops","member_count":1},{"id":61003,"name":"Campaign - acme - größe","member_count":2}]');
CREATE TABLE campaign_group_sync_schema (version bigint not null);
INSERT INTO "campaign_group_sync_schema" VALUES(2);
CREATE TABLE changes (
    run             text   not null references runs (run),
    instance        text   not null,
    position        bigint not null,
    op              text   not null,
    operator        text,
    group_name      text,
    operator_folded text   not null,
    group_folded    text   not null,
    profile         text   not null,
    reason          text   not null,
    outcome         text   not null,
    detail          text,
    at              bigint not null,
    sent_at         bigint,     -- null until the change is being sent
    primary key (run, instance, position)
);
INSERT INTO "changes" VALUES('01M8G6S3QD8XKAWVFWKWJKZET4','production',0,'add','eve@acme.com','delivery','eve@acme.com','delivery','Campaign - acme - delivery','member of profile Campaign - acme - delivery','applied',NULL,1795840316360,1795840316276);
INSERT INTO "changes" VALUES('01M8G6S3QD8XKAWVFWKWJKZET4','production',1,'add','josé@acme.com','delivery','josé@acme.com','delivery','Campaign - acme - delivery','member of profile Campaign - acme - delivery','applied',NULL,1795840316360,1795840316276);
INSERT INTO "changes" VALUES('01M8G6S3QD8XKAWVFWKWJKZET4','production',2,'add','σοφός@acme.com','größe','σοφός@acme.com','größe','Campaign - acme - größe','member of profile Campaign - acme - größe','applied',NULL,1795840316360,1795840316276);
INSERT INTO "changes" VALUES('01M8G6S3QD8XKAWVFWKWJKZET4','production',3,'add','bob@acme.com','ops','bob@acme.com','ops','Campaign - acme - ops','member of profile Campaign - acme - ops','applied',NULL,1795840316360,1795840316276);
INSERT INTO "changes" VALUES('01M8G6S3QD8XKAWVFWKWJKZET4','production',4,'remove','karl@acme.com','delivery','karl@acme.com','delivery','Campaign - acme - delivery','not a member of profile Campaign - acme - delivery','applied',NULL,1795840316360,1795840316296);
INSERT INTO "changes" VALUES('01M8G6S3QD8XKAWVFWKWJKZET4','production',5,'remove','zoé@acme.com','delivery','zoé@acme.com','delivery','Campaign - acme - delivery','not a member of profile Campaign - acme - delivery','applied',NULL,1795840316360,1795840316296);
INSERT INTO "changes" VALUES('01M8G6SGYQ86BBNRBDFPRANWM6','production',0,'add','karl@acme.com','delivery','karl@acme.com','delivery','Campaign - acme - delivery','takes back run 01M8G6S3QD8XKAWVFWKWJKZET4','applied',NULL,1795840328908,1795840328834);
INSERT INTO "changes" VALUES('01M8G6SGYQ86BBNRBDFPRANWM6','production',1,'add','zoé@acme.com','delivery','zoé@acme.com','delivery','Campaign - acme - delivery','takes back run 01M8G6S3QD8XKAWVFWKWJKZET4','applied',NULL,1795840328908,1795840328834);
INSERT INTO "changes" VALUES('01M8G6SGYQ86BBNRBDFPRANWM6','production',2,'remove','eve@acme.com','delivery','eve@acme.com','delivery','Campaign - acme - delivery','takes back run 01M8G6S3QD8XKAWVFWKWJKZET4','applied',NULL,1795840328908,1795840328851);
INSERT INTO "changes" VALUES('01M8G6SGYQ86BBNRBDFPRANWM6','production',3,'remove','josé@acme.com','delivery','josé@acme.com','delivery','Campaign - acme - delivery','takes back run 01M8G6S3QD8XKAWVFWKWJKZET4','applied',NULL,1795840328908,1795840328851);
INSERT INTO "changes" VALUES('01M8G6SGYQ86BBNRBDFPRANWM6','production',4,'remove','σοφός@acme.com','größe','σοφός@acme.com','größe','Campaign - acme - größe','takes back run 01M8G6S3QD8XKAWVFWKWJKZET4','applied',NULL,1795840328908,1795840328851);
INSERT INTO "changes" VALUES('01M8G6SGYQ86BBNRBDFPRANWM6','production',5,'remove','bob@acme.com','ops','bob@acme.com','ops','Campaign - acme - ops','takes back run 01M8G6S3QD8XKAWVFWKWJKZET4','held','it would empty group "ops": its last managed member would go',1795840328788,NULL);
INSERT INTO "changes" VALUES('01M8G6SH88914BCGBMY8W8M39F','production',0,'add','eve@acme.com','delivery','eve@acme.com','delivery','Campaign - acme - delivery','member of profile Campaign - acme - delivery','held','an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it',1795840329168,NULL);
INSERT INTO "changes" VALUES('01M8G6SH88914BCGBMY8W8M39F','production',1,'add','josé@acme.com','delivery','josé@acme.com','delivery','Campaign - acme - delivery','member of profile Campaign - acme - delivery','held','an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it',1795840329168,NULL);
INSERT INTO "changes" VALUES('01M8G6SH88914BCGBMY8W8M39F','production',2,'add','σοφός@acme.com','größe','σοφός@acme.com','größe','Campaign - acme - größe','member of profile Campaign - acme - größe','held','an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it',1795840329168,NULL);
INSERT INTO "changes" VALUES('01M8G6SH88914BCGBMY8W8M39F','production',3,'remove','karl@acme.com','delivery','karl@acme.com','delivery','Campaign - acme - delivery','not a member of profile Campaign - acme - delivery','held','an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it',1795840329168,NULL);
INSERT INTO "changes" VALUES('01M8G6SH88914BCGBMY8W8M39F','production',4,'remove','zoé@acme.com','delivery','zoé@acme.com','delivery','Campaign - acme - delivery','not a member of profile Campaign - acme - delivery','held','an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it',1795840329168,NULL);
CREATE TABLE held (
    instance text   not null,
    digest   text   not null,
    at       bigint not null,
    record   text   not null,
    primary key (instance, digest)
);
INSERT INTO "held" VALUES('production','3b1fc7525a26d11b',1795840329145,'{"run":"01M8G6SH88914BCGBMY8W8M39F","is_dry_run":false,"is_narrowed":false,"changes":[{"key":{"kind":"add","group":"delivery","operator":"eve@acme.com"},"profile":"Campaign - acme - delivery"},{"key":{"kind":"add","group":"delivery","operator":"josé@acme.com"},"profile":"Campaign - acme - delivery"},{"key":{"kind":"add","group":"größe","operator":"σοφός@acme.com"},"profile":"Campaign - acme - größe"},{"key":{"kind":"remove","group":"delivery","operator":"karl@acme.com"},"profile":"Campaign - acme - delivery"},{"key":{"kind":"remove","group":"delivery","operator":"zoé@acme.com"},"profile":"Campaign - acme - delivery"}],"held":[{"key":{"kind":"add","group":"delivery","operator":"eve@acme.com"},"why":"an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it","limits":{"max_removals":50,"max_removals_percent":100,"max_group_removals_percent":50,"max_new_operators":25,"max_new_groups":5,"max_source_shrink_percent":20}},{"key":{"kind":"add","group":"delivery","operator":"josé@acme.com"},"why":"an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it","limits":{"max_removals":50,"max_removals_percent":100,"max_group_removals_percent":50,"max_new_operators":25,"max_new_groups":5,"max_source_shrink_percent":20}},{"key":{"kind":"add","group":"größe","operator":"σοφός@acme.com"},"why":"an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it","limits":{"max_removals":50,"max_removals_percent":100,"max_group_removals_percent":50,"max_new_operators":25,"max_new_groups":5,"max_source_shrink_percent":20}},{"key":{"kind":"remove","group":"delivery","operator":"karl@acme.com"},"why":"an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it","limits":{"max_removals":50,"max_removals_percent":100,"max_group_removals_percent":50,"max_new_operators":25,"max_new_groups":5,"max_source_shrink_percent":20}},{"key":{"kind":"remove","group":"delivery","operator":"zoé@acme.com"},"why":"an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it","limits":{"max_removals":50,"max_removals_percent":100,"max_group_removals_percent":50,"max_new_operators":25,"max_new_groups":5,"max_source_shrink_percent":20}}]}');
CREATE TABLE identities (
    instance    text   not null,
    user_folded text   not null,
    operator    bigint not null,
    primary key (instance, user_folded)
);
INSERT INTO "identities" VALUES('production','01@users',1001);
INSERT INTO "identities" VALUES('production','02@users',1002);
INSERT INTO "identities" VALUES('production','03@users',1003);
INSERT INTO "identities" VALUES('production','04@users',1004);
INSERT INTO "identities" VALUES('production','05@users',1006);
CREATE TABLE managed_groups (
    instance     text   not null,
    group_folded text   not null,
    group_name   text   not null,
    profile      text   not null,
    since        bigint not null,
    until        bigint
);
INSERT INTO "managed_groups" VALUES('production','delivery','delivery','Campaign - acme - delivery',1795840315701,NULL);
INSERT INTO "managed_groups" VALUES('production','größe','größe','Campaign - acme - größe',1795840315701,NULL);
INSERT INTO "managed_groups" VALUES('production','ops','ops','Campaign - acme - ops',1795840315701,NULL);
CREATE TABLE meta (
    name  text not null primary key,
    value text not null
);
CREATE TABLE plans (
    run      text   not null references runs (run),
    instance text   not null,
    mode     text   not null,
    at       bigint not null,
    report   text   not null,
    primary key (run, instance)
);
CREATE TABLE runs (
    run        text   not null primary key,
    mode       text   not null,
    scope      text,
    started_at bigint not null,
    instances  text   not null,
    outcome    text,            -- null until the run has ended
    summary    text   not null,
    report     text             -- the whole report of a run that ended
);
INSERT INTO "runs" VALUES('01M8G6S3QD8XKAWVFWKWJKZET4','apply',NULL,1795840315117,'["production"]','applied','{"add":4,"remove":2,"create_operator":0,"create_group":0,"disable_operator":0,"applied":6,"already":0,"failed":0,"held":0,"unconfirmed":0,"pending":0,"skipped":0,"unchanged":3}','{"version":1,"run":"01M8G6S3QD8XKAWVFWKWJKZET4","mode":"apply","started_at":"2026-11-28T04:31:55Z","duration_ms":1357,"outcome":"applied","source":{"organization":"0123456789ABCDEF01234567@AdobeOrg","users":5,"profiles":3,"calls":3,"read":"organization","complete":true},"instances":[{"name":"production","mode":"apply","outcome":"applied","held":null,"orphaned":[],"matched_profiles":[{"profile":"Campaign - acme - delivery","group":"delivery","members":4},{"profile":"Campaign - acme - größe","group":"größe","members":2},{"profile":"Campaign - acme - ops","group":"ops","members":1}],"changes":[{"op":"add","operator":"eve@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"member of profile Campaign - acme - delivery","outcome":"applied"},{"op":"add","operator":"josé@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"member of profile Campaign - acme - delivery","outcome":"applied"},{"op":"add","operator":"σοφός@acme.com","group":"größe","profile":"Campaign - acme - größe","reason":"member of profile Campaign - acme - größe","outcome":"applied"},{"op":"add","operator":"bob@acme.com","group":"ops","profile":"Campaign - acme - ops","reason":"member of profile Campaign - acme - ops","outcome":"applied"},{"op":"remove","operator":"karl@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"not a member of profile Campaign - acme - delivery","outcome":"applied"},{"op":"remove","operator":"zoé@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"not a member of profile Campaign - acme - delivery","outcome":"applied"}],"skipped":[],"summary":{"add":4,"remove":2,"create_operator":0,"create_group":0,"disable_operator":0,"applied":6,"already":0,"failed":0,"held":0,"unconfirmed":0,"pending":0,"skipped":0,"unchanged":3}}]}');
INSERT INTO "runs" VALUES('01M8G6SGYQ86BBNRBDFPRANWM6','apply','undo of run 01M8G6S3QD8XKAWVFWKWJKZET4',1795840328663,'["production"]','held','{"add":2,"remove":4,"create_operator":0,"create_group":0,"disable_operator":0,"applied":5,"already":0,"failed":0,"held":1,"unconfirmed":0,"pending":0,"skipped":0,"unchanged":3}','{"version":1,"run":"01M8G6SGYQ86BBNRBDFPRANWM6","mode":"apply","started_at":"2026-11-28T04:32:08Z","duration_ms":260,"outcome":"held","source":{"organization":"0123456789ABCDEF01234567@AdobeOrg","users":0,"profiles":0,"calls":0,"read":null,"complete":false},"instances":[{"name":"production","mode":"apply","outcome":"held","held":"caf4fb7071266cb7","orphaned":[],"matched_profiles":[{"profile":"Campaign - acme - delivery","group":"delivery","members":4},{"profile":"Campaign - acme - größe","group":"größe","members":1},{"profile":"Campaign - acme - ops","group":"ops","members":0}],"changes":[{"op":"add","operator":"karl@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"takes back run 01M8G6S3QD8XKAWVFWKWJKZET4","outcome":"applied"},{"op":"add","operator":"zoé@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"takes back run 01M8G6S3QD8XKAWVFWKWJKZET4","outcome":"applied"},{"op":"remove","operator":"eve@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"takes back run 01M8G6S3QD8XKAWVFWKWJKZET4","outcome":"applied"},{"op":"remove","operator":"josé@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"takes back run 01M8G6S3QD8XKAWVFWKWJKZET4","outcome":"applied"},{"op":"remove","operator":"σοφός@acme.com","group":"größe","profile":"Campaign - acme - größe","reason":"takes back run 01M8G6S3QD8XKAWVFWKWJKZET4","outcome":"applied"},{"op":"remove","operator":"bob@acme.com","group":"ops","profile":"Campaign - acme - ops","reason":"takes back run 01M8G6S3QD8XKAWVFWKWJKZET4","outcome":"held","detail":"it would empty group \"ops\": its last managed member would go"}],"skipped":[],"summary":{"add":2,"remove":4,"create_operator":0,"create_group":0,"disable_operator":0,"applied":5,"already":0,"failed":0,"held":1,"unconfirmed":0,"pending":0,"skipped":0,"unchanged":3}}]}');
INSERT INTO "runs" VALUES('01M8G6SH88914BCGBMY8W8M39F','apply',NULL,1795840328968,'["production"]','held','{"add":3,"remove":2,"create_operator":0,"create_group":0,"disable_operator":0,"applied":0,"already":0,"failed":0,"held":5,"unconfirmed":0,"pending":0,"skipped":0,"unchanged":4}','{"version":1,"run":"01M8G6SH88914BCGBMY8W8M39F","mode":"apply","started_at":"2026-11-28T04:32:08Z","duration_ms":225,"outcome":"held","source":{"organization":"0123456789ABCDEF01234567@AdobeOrg","users":5,"profiles":3,"calls":2,"read":"organization","complete":true},"instances":[{"name":"production","mode":"apply","outcome":"held","held":"3b1fc7525a26d11b","orphaned":[],"matched_profiles":[{"profile":"Campaign - acme - delivery","group":"delivery","members":4},{"profile":"Campaign - acme - größe","group":"größe","members":2},{"profile":"Campaign - acme - ops","group":"ops","members":1}],"changes":[{"op":"add","operator":"eve@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"member of profile Campaign - acme - delivery","outcome":"held","detail":"an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it"},{"op":"add","operator":"josé@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"member of profile Campaign - acme - delivery","outcome":"held","detail":"an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it"},{"op":"add","operator":"σοφός@acme.com","group":"größe","profile":"Campaign - acme - größe","reason":"member of profile Campaign - acme - größe","outcome":"held","detail":"an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it"},{"op":"remove","operator":"karl@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"not a member of profile Campaign - acme - delivery","outcome":"held","detail":"an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it"},{"op":"remove","operator":"zoé@acme.com","group":"delivery","profile":"Campaign - acme - delivery","reason":"not a member of profile Campaign - acme - delivery","outcome":"held","detail":"an undo took this change back, and the organization still wants it: change it in the Admin Console, or approve it"}],"skipped":[],"summary":{"add":3,"remove":2,"create_operator":0,"create_group":0,"disable_operator":0,"applied":0,"already":0,"failed":0,"held":5,"unconfirmed":0,"pending":0,"skipped":0,"unchanged":4}}]}');
CREATE TABLE stays (
    instance     text   not null,
    group_folded text   not null,
    login_folded text   not null,
    login        text   not null,
    since        bigint not null,
    until        bigint
);
INSERT INTO "stays" VALUES('production','delivery','ann@acme.com','ann@acme.com',1795840315701,NULL);
INSERT INTO "stays" VALUES('production','delivery','bob@acme.com','bob@acme.com',1795840315701,NULL);
INSERT INTO "stays" VALUES('production','delivery','karl@acme.com','karl@acme.com',1795840315701,1795840316458);
INSERT INTO "stays" VALUES('production','delivery','zoé@acme.com','zoé@acme.com',1795840315701,1795840316458);
INSERT INTO "stays" VALUES('production','größe','josé@acme.com','josé@acme.com',1795840315701,NULL);
INSERT INTO "stays" VALUES('production','delivery','eve@acme.com','eve@acme.com',1795840316458,1795840328918);
INSERT INTO "stays" VALUES('production','delivery','josé@acme.com','josé@acme.com',1795840316458,1795840328918);
INSERT INTO "stays" VALUES('production','größe','σοφός@acme.com','σοφός@acme.com',1795840316458,1795840328918);
INSERT INTO "stays" VALUES('production','ops','bob@acme.com','bob@acme.com',1795840316458,NULL);
INSERT INTO "stays" VALUES('production','delivery','karl@acme.com','karl@acme.com',1795840328918,NULL);
INSERT INTO "stays" VALUES('production','delivery','zoé@acme.com','zoé@acme.com',1795840328918,NULL);
CREATE TABLE undone (
    instance        text not null,
    op              text not null,
    group_folded    text not null,
    operator_folded text not null,
    run             text not null,
    primary key (instance, op, group_folded, operator_folded)
);
INSERT INTO "undone" VALUES('production','add','delivery','eve@acme.com','01M8G6SGYQ86BBNRBDFPRANWM6');
INSERT INTO "undone" VALUES('production','add','delivery','josé@acme.com','01M8G6SGYQ86BBNRBDFPRANWM6');
INSERT INTO "undone" VALUES('production','add','größe','σοφός@acme.com','01M8G6SGYQ86BBNRBDFPRANWM6');
INSERT INTO "undone" VALUES('production','remove','delivery','karl@acme.com','01M8G6SGYQ86BBNRBDFPRANWM6');
INSERT INTO "undone" VALUES('production','remove','delivery','zoé@acme.com','01M8G6SGYQ86BBNRBDFPRANWM6');
CREATE TABLE unfinished_disablements (
    instance        text not null,
    operator_folded text not null,
    profile         text not null,
    primary key (instance, operator_folded)
);
CREATE INDEX runs_by_start on runs (started_at);
CREATE INDEX changes_by_operator on changes (instance, operator_folded, group_folded);
CREATE INDEX managed_groups_by_instance on managed_groups (instance, until);
CREATE INDEX stays_by_instance on stays (instance, until);
CREATE INDEX stays_by_group on stays (instance, group_folded, login_folded);

