from django.utils.translation import gettext_lazy as _

from common.errors import Conflict, DomainError, Forbidden, Invalid, NotFound


class EmailTaken(Invalid):
    code = "email_taken"
    detail = _("Cette adresse a déjà un compte.")


class EmailReserved(Invalid):
    """At the domain that addresses of erased people have."""

    code = "email_reserved"
    detail = _("Cette adresse ne peut appartenir à personne. Donnez-en une autre.")


class InvalidCredentials(DomainError):
    code = "invalid_credentials"
    status = 401
    detail = _("Adresse e-mail ou mot de passe incorrect.")


class EmailNotVerified(Forbidden):
    code = "email_not_verified"
    detail = _("Confirmez d'abord votre adresse e-mail avec le code que vous avez reçu.")


class StaffOnly(Forbidden):
    code = "staff_only"
    detail = _("Cette entrée est réservée à l'équipe.")


class SecondFactorRequired(DomainError):
    code = "mfa_required"
    status = 401
    detail = _("Ajoutez le code à 6 chiffres de votre application d'authentification, ou un code de secours.")


class SecondFactorInvalid(DomainError):
    code = "mfa_invalid"
    status = 401
    detail = _("Ce code n'est pas valable ou a déjà servi. Attendez le suivant, ou prenez un code de secours.")


class SecondFactorSetupRequired(Forbidden):
    """`mfa_token` in the answer opens the enrolment and nothing else."""

    code = "mfa_setup_required"
    detail = _("Votre rôle demande un second facteur. Enregistrez d'abord une application d'authentification.")


class SecondFactorNotEnabled(Conflict):
    code = "mfa_not_enabled"
    detail = _("Aucun second facteur n'est activé.")


class SecondFactorNotStarted(Conflict):
    code = "mfa_not_started"
    detail = _("Aucun enregistrement n'est en cours, ou il a expiré. Recommencez.")


class SecondFactorEnabled(Conflict):
    code = "mfa_already_enabled"
    detail = _("Un second facteur est déjà activé.")


class SecondFactorKept(Forbidden):
    code = "mfa_required_for_role"
    detail = _("Votre rôle demande un second facteur : il peut être remplacé, pas supprimé.")


class TokenNotValid(DomainError):
    code = "token_not_valid"
    status = 401
    detail = _("Ce jeton n'est pas valable. Reconnectez-vous.")


class SessionEnded(DomainError):
    code = "session_ended"
    status = 401
    detail = _("Votre session n'est plus valable. Reconnectez-vous.")


class RefreshReused(DomainError):
    code = "refresh_reused"
    status = 401
    detail = _("Ce jeton a déjà servi. Par prudence la session est fermée ; reconnectez-vous.")


class UnknownSession(NotFound):
    code = "unknown_session"
    detail = _("Cette session n'existe pas ou est terminée.")


class InvalidOtp(Invalid):
    code = "invalid_otp"
    detail = _("Ce code n'est pas valable ou ne l'est plus. Demandez-en un nouveau.")


class InvalidResetToken(Invalid):
    code = "invalid_token"
    detail = _("Ce lien n'est pas valable ou a déjà servi. Demandez-en un nouveau.")


class WrongPassword(Invalid):
    code = "wrong_password"
    detail = _("Le mot de passe actuel n'est pas celui-là.")


class InsufficientCredits(DomainError):
    code = "insufficient_credits"
    status = 402
    detail = _("Votre compte n'a pas assez de crédits. Achetez un forfait pour continuer.")


class AccountDisabled(Forbidden):
    code = "account_disabled"
    detail = _("Votre compte est désactivé. Contactez l'assistance pour le réactiver.")


class OwnAccess(Forbidden):
    """Nobody locks themselves out, or lifts themselves up."""

    code = "own_access"
    detail = _("Vous ne pouvez pas changer votre propre rôle, vos fonctions, ni vous désactiver.")


class AdministratorsOnly(Forbidden):
    code = "administrators_only"
    detail = _("Seul un administrateur décide de qui est administrateur.")


class MoreThanOwn(Forbidden):
    code = "more_than_own"
    detail = _("Cette personne a, ou recevrait, des droits que vous n'avez pas.")


class ReadOnly(Forbidden):
    code = "only_reads"
    detail = _("Votre fonction lit tout et ne change rien.")


class NotOfTheTeam(Conflict):
    code = "not_of_the_team"
    detail = _("Seul un membre de l'équipe a des fonctions.")


class LastAdministrator(Conflict):
    code = "last_administrator"
    detail = _("C'est le dernier administrateur : nommez-en d'abord un autre.")


class PersonErased(Conflict):
    code = "person_erased"
    detail = _("Cette personne a été effacée : plus rien ne peut être changé.")


class StillNeeded(Conflict):
    code = "still_needed"
    detail = _("Quelque chose de cette personne est encore en cours.")


class UnknownAccount(NotFound):
    code = "unknown_account"
    detail = _("Ce compte n'existe pas.")


class UnknownRate(NotFound):
    code = "unknown_rate"
    detail = _("Ce forfait n'existe pas ou n'est plus vendu.")


class OwnApproval(Forbidden):
    code = "own_approval"
    detail = _("Une autre personne doit en décider : c'est votre demande, ou c'est à votre profit.")


class NotOwnApproval(Forbidden):
    code = "not_own_approval"
    detail = _("Seule la personne qui l'a demandée la retire ; vous pouvez la refuser.")


class ApprovalPending(Conflict):
    code = "approval_pending"
    detail = _("Une demande attend déjà une décision à ce sujet. Décidez-en d'abord.")
