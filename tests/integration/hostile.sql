-- A database in which an unprivileged role has put something of its own in the place of everything
-- that a statement may name, and in front of it in the search path. Whatever of that runs with more
-- rights than its maker's says so in the server's log: "trap: ...".
CREATE ROLE mallory LOGIN;
GRANT CREATE ON SCHEMA public TO mallory;
CREATE SCHEMA postgres AUTHORIZATION mallory;  -- "$user" of the superuser
ALTER DATABASE hostile SET search_path = "$user", public, pg_catalog;
ALTER ROLE postgres IN DATABASE hostile SET search_path = public, pg_catalog;
SET SESSION AUTHORIZATION mallory;
SET search_path = pg_catalog;

CREATE FUNCTION public.trap(what text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
  IF current_user <> 'mallory' THEN
    RAISE LOG 'trap: % ran as %', what, current_user;
  END IF;
  RETURN true;
END $$;
CREATE FUNCTION public.trapped(what text) RETURNS int IMMUTABLE LANGUAGE plpgsql
SET search_path = pg_catalog AS $$ BEGIN PERFORM public.trap(what); RETURN 0; END $$;

-- Every function of the system, with the same arguments. What cannot be made by such a role, cannot.
DO $$
DECLARE
  f record;
  made int := 0;
BEGIN
  FOR f IN SELECT p.oid, p.proname, p.prokind, pg_get_function_identity_arguments(p.oid) AS arguments,
                  pg_get_function_result(p.oid) AS result, o.scheme
           FROM pg_proc p, (VALUES ('public'), ('postgres')) o(scheme)
           WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a', 'w')
  LOOP
    BEGIN
      IF f.prokind = 'f' THEN
        EXECUTE format('CREATE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE plpgsql SET search_path = '
                       'pg_catalog AS %L', f.scheme, f.proname, f.arguments, f.result,
                       format('BEGIN PERFORM public.trap(%L); RETURN%s; END', f.oid::regprocedure,
                              CASE WHEN f.result LIKE 'SETOF %' OR f.result LIKE 'TABLE(%'
                                   THEN '' ELSE ' NULL' END));
      ELSE
        EXECUTE format('CREATE FUNCTION %I.%I(bigint%s) RETURNS bigint LANGUAGE sql AS %L',
                       f.scheme, 'of_' || f.oid, CASE f.arguments WHEN '' THEN '' ELSE ', ' || f.arguments END,
                       format('SELECT public.trap(%L)::int::bigint', f.oid::regprocedure));
        EXECUTE format('CREATE AGGREGATE %I.%I(%s) (SFUNC = %1$I.%I, STYPE = bigint)', f.scheme,
                       f.proname, CASE f.arguments WHEN '' THEN '*' ELSE f.arguments END, 'of_' || f.oid);
      END IF;
      made := made + 1;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  ASSERT made > 3000, format('only %s functions', made);
END $$;

-- Every operator.
DO $$
DECLARE
  o record;
  made int := 0;
BEGIN
  FOR o IN SELECT p.oid, oprname, oprleft, oprright, oprresult, x.scheme
           FROM pg_operator p, (VALUES ('public'), ('postgres')) x(scheme)
           WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft <> 0 AND oprright <> 0
  LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION %I.%I(%s, %s) RETURNS %s LANGUAGE plpgsql SET search_path = '
                     'pg_catalog AS %L', o.scheme, 'operator_' || o.oid, o.oprleft::regtype,
                     o.oprright::regtype, o.oprresult::regtype,
                     format('BEGIN PERFORM public.trap(%L); RETURN NULL; END', o.oid::regoperator));
      EXECUTE format('CREATE OPERATOR %I.%s (LEFTARG = %s, RIGHTARG = %s, PROCEDURE = %I.%I)',
                     o.scheme, o.oprname, o.oprleft::regtype, o.oprright::regtype, o.scheme,
                     'operator_' || o.oid);
      made := made + 1;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  ASSERT made > 1000, format('only %s operators', made);
END $$;

-- Every table and view of the catalog, and every type: as domains, whose check runs.
DO $$
DECLARE
  r record;
  made int := 0;
BEGIN
  FOR r IN SELECT relname, x.scheme FROM pg_class, (VALUES ('public'), ('postgres')) x(scheme)
           WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
  LOOP
    BEGIN
      EXECUTE format('CREATE VIEW %I.%I AS SELECT * FROM pg_catalog.%2$I WHERE public.trap(%L)',
                     r.scheme, r.relname, 'view ' || r.relname);
      made := made + 1;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  FOR r IN SELECT typname, x.scheme FROM pg_type, (VALUES ('public'), ('postgres')) x(scheme)
           WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typelem = 0
  LOOP
    BEGIN
      EXECUTE format('CREATE DOMAIN %I.%I AS pg_catalog.%2$I CHECK (public.trap(%L))', r.scheme,
                     r.typname, 'type ' || r.typname);
      made := made + 1;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  ASSERT made > 300, format('only %s views and types', made);
END $$;

-- Tables that bring code along, and casts of a type of one's own.
CREATE TYPE public.mood AS ENUM ('good', 'bad');
CREATE FUNCTION public.mood_text(public.mood) RETURNS text LANGUAGE plpgsql SET search_path =
pg_catalog AS $$ BEGIN PERFORM public.trap('a cast to text'); RETURN 'x'; END $$;
CREATE CAST (public.mood AS text) WITH FUNCTION public.mood_text(public.mood) AS IMPLICIT;
CREATE FUNCTION public.mood_json(public.mood) RETURNS json LANGUAGE plpgsql SET search_path =
pg_catalog AS $$ BEGIN PERFORM public.trap('a cast to json'); RETURN '1'; END $$;
CREATE CAST (public.mood AS json) WITH FUNCTION public.mood_json(public.mood) AS IMPLICIT;
CREATE DOMAIN public.checked AS int CHECK (public.trapped('a domain') = 0);
CREATE TABLE public.t(id int PRIMARY KEY CHECK (id > public.trapped('a check')),
                      feeling public.mood, many public.mood[], number public.checked,
                      filled int DEFAULT public.trapped('a default'));
CREATE INDEX ON public.t((id + public.trapped('an index')));
CREATE INDEX ON public.t(id) WHERE id > public.trapped('a partial index');
CREATE STATISTICS public.numbers ON (id + public.trapped('statistics')), id FROM public.t;
CREATE TABLE public.made(id int PRIMARY KEY,
                         g int GENERATED ALWAYS AS (id + public.trapped('a generated column')) STORED);
CREATE INDEX ON public.made((id + public.trapped('an index')));
CREATE TABLE public.root(id int, v text) PARTITION BY RANGE ((id + public.trapped('a partition key')));
CREATE TABLE public.part PARTITION OF public.root FOR VALUES FROM (0) TO (1000000);
CREATE INDEX ON public.part((id + public.trapped('an index')));
INSERT INTO public.t VALUES (1, 'good', '{good,bad}', 7, 1);
INSERT INTO public.made VALUES (1);
INSERT INTO public.root VALUES (1, 'a');
ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON public.t USING (public.trap('a policy'));
